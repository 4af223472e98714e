"""Writes test/golden/tokenizers: what the Python package `tokenizers` makes of texts, to compare src/data/tokenizer.ts with.

    python scripts/golden/tokenizer.py                     (tokenizers 0.23; nothing is downloaded)
    python scripts/golden/tokenizer.py real DATA

The first form trains small tokenizers on the texts below (WordPiece as BERT's, byte-level BPE as RoBERTa's, Unigram as XLM-RoBERTa's but for
its table of characters) and writes texts.json, the tokenizers and golden.json, which has every number. The second writes real.json: hashes of
10,000 sentences and as many pairs of SST-2, TREC-6 and CoLA by BERT's tokenizer (folders sst2, trec6, cola and bert-base-uncased of DATA), for
`npm run check:tokenizer`. A hash is SHA-256 over int32, little-endian: for each text the number of its tokens, the tokens, their types.
"""

import hashlib
import itertools
import json
import pathlib
import struct
import sys

import tokenizers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

GOLDEN = pathlib.Path(__file__).parents[2] / "test" / "golden" / "tokenizers"

HARD = [
    "",
    " ",
    "   leading and trailing   ",
    "tabs\tand\nnew lines\r\nand\u00a0no-break\u2003em\u3000ideographic spaces",
    "Café, naïve, Zürich, São Paulo, Ærøskøbing, Łódź, Đà Nẵng",
    "cafe\u0301 nai\u0308ve with combining marks, A\u030angstro\u0308m",
    "ÀÉÎÕÜ ŠŽ İstanbul ISPARTA ısırgan ﬁne ﬂow ﬀ ǅ Ĳ",
    "ΟΔΟΣ ΑΣ Σ ΣΑΣ Σίσυφος τέλος. ΌΣΟ, ΌΣΟ! ΤΕΛΟΣ'",
    "Привет, мир! Ёлка и йод. ПОДЪЕЗД",
    "שָׁלוֹם עולם مرحبا بالعالم ١٢٣ हिन्दी में पाठ ภาษาไทย",
    "中文没有空格 和英文mixed在一起",
    "漢字とひらがなとカタカナ、半角ｶﾞ、全角ＡＢＣ１２３",
    "한국어 문장입니다. \u1112\u1161\u11ab 자모",
    "astral \U00020000\U0002a6d6 ideographs \U0002b740x\U0002b81d, \U0002b820 and \U0002f800 between",
    "\u3400 \u4dbf \u4e00\u9fff \uf900 \ufaff",
    "emoji 😀😃 flags 🇩🇪🇫🇷 family 👨‍👩‍👧‍👦 skin 👍🏽 keycap 1️⃣ heart ❤️ text ❤",
    "maths ∑∫√≤≥≠∞ αβγ ℝ⊂ℂ x² + y³ = z½ ⅷ ① ₂ µm",
    "currency $5 €6 £7 ¥8 ₹9 ₿1 ¢ % ‰ § ¶ † ‡",
    "punctuation !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
    "more ‘single’ “double” «angles» „low“ — em – en … ellipsis ‽ ⸮ 、。「」『』・ ：；？！",
    "don't can't won't I'm you're they've it's o'clock rock'n'roll",
    "e-mail: someone@example.com, see https://example.com/a/b?c=d&e=f#g (or ftp://x.y)",
    "numbers 1,234,567.89 3.14e-10 0xFF 1/2 12:34:56 2001-02-03 +49-(0)30",
    "CamelCase snake_case kebab-case SCREAMING_CASE iPhone eBay",
    "a" * 99 + " " + "b" * 100 + " " + "c" * 101 + " " + "é" * 100 + " " + "😀" * 101,
    "antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis",
    "control \u0000null \u0001soh \u0007bell \u0008back \u001besc \u007fdel \u0085nel \u009fapc",
    "format \u00adsoft \u200bzero \u200cnon \u200djoiner \u200eltr \u200frtl \u2060wj \ufeffbom \u202eoverride",
    "replacement \ufffd private \ue000 \U000f0000 noncharacter \uffff line\u2028sep para\u2029sep",
    "[CLS] [SEP] [MASK] [PAD] [UNK] [cls] [ MASK ] x[MASK]y <s> </s> <mask> <pad> <unk>",
    "variation \ufe0f \ufe0e tags \U000e0067\U000e0062 zalgo z\u0351\u036b\u0343a\u0363l\u0307g\u0320o",
    "ſtraße STRASSE ẞ groß GROẞ ŉ ǰ ΐ ΰ և",
    "K Å Ω signs, K Å Ω letters",
    "__proto__ constructor toString hasOwnProperty end",
    "﷽ ﷺ ⁂ ℡ ㏂ ㍿ ﹏ ﹔ ＿",
    "mixed: über-Größe 10µg/5㎏ @ 25°C → “OK” ✓ №7",
    "the  double   space    and\t\ttabs",
    "question ? exclamation ! comma , stop . apart",
    "ends with space ",
    "\u0301starts with a mark",
    "-", "--", "...", "'", "’", "😀", "中", "a", "A", "é", "\u0301", "\u200b", "\ufffd", "0", "\n",
]
SUBJECTS = ["The old captain", "My neighbour's cat", "Nobody", "A certain Mr. O'Brien", "Die Größe", "Each of the three researchers", "It"]
VERBS = ["has not seen", "remembers", "will re-examine", "couldn't explain", "was writing about", "loves"]
OBJECTS = ["the harbour at dawn", "what happened in 1984", "a film so bad, so very bad", "naïve café owners", "her own question?"]
TEXTS = HARD + [f"{s} {v} {o}" + end for (s, v, o), end in zip(itertools.product(SUBJECTS, VERBS, OBJECTS), itertools.cycle([".", "", " !", " ."]))]


def trained(name):
    """A small tokenizer; every special token is one as transformers marks it."""
    if name == "wordpiece":
        special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        result = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
        result.normalizer = normalizers.BertNormalizer(lowercase=True)
        result.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        result.decoder = decoders.WordPiece()
        trainer = trainers.WordPieceTrainer(vocab_size=700, special_tokens=special, show_progress=False)
    elif name == "bpe":
        special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
        result = Tokenizer(models.BPE())
        result.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        result.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=700, special_tokens=special, initial_alphabet=alphabet, show_progress=False)
    else:
        special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
        result = Tokenizer(models.Unigram())
        result.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
        result.pre_tokenizer = pre_tokenizers.Metaspace()
        result.decoder = decoders.Metaspace()
        trainer = trainers.UnigramTrainer(vocab_size=500, special_tokens=special, unk_token="<unk>", show_progress=False)
    result.train_from_iterator(TEXTS, trainer)
    cls, sep = (result.token_to_id(token) for token in (("[CLS]", "[SEP]") if name == "wordpiece" else ("<s>", "</s>")))
    if name == "bpe":
        result.post_processor = processors.RobertaProcessing(("</s>", sep), ("<s>", cls), add_prefix_space=False)
    elif name == "wordpiece":
        tokens = [("[CLS]", cls), ("[SEP]", sep)]
        result.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=tokens
        )
    else:
        tokens = [("<s>", cls), ("</s>", sep)]
        result.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=tokens)
    return result


def encoded(tokenizer, first, second=None, length=None):
    if length is None:
        tokenizer.no_truncation()
    else:
        tokenizer.enable_truncation(length, strategy="longest_first")
    return tokenizer.encode(first) if second is None else tokenizer.encode(first, second)


def digest(encodings):
    result = hashlib.sha256()
    for encoding in encodings:
        numbers = [len(encoding.ids), *encoding.ids, *encoding.type_ids]
        result.update(struct.pack(f"<{len(numbers)}i", *numbers))
    return result.hexdigest()


# Places of two texts, and the most tokens.
PAIRS = [(first, second, length) for first, second in ((60, 61), (4, 90), (90, 4), (25, 70), (0, 60), (60, 0), (0, 0)) for length in (4, 5, 8, 11, 16, 33, None)]


def golden(tokenizer):
    singles = [encoded(tokenizer, text) for text in TEXTS]
    pairs = [(pair, encoded(tokenizer, TEXTS[pair[0]], TEXTS[pair[1]], pair[2])) for pair in PAIRS]
    return {
        "ids": [encoding.ids for encoding in singles],
        "hash": digest(singles),
        "short": [encoded(tokenizer, text, None, 7).ids for text in TEXTS],
        "pairs": [{"pair": pair, "ids": encoding.ids, "typeIds": encoding.type_ids} for pair, encoding in pairs],
    }


def write_small():
    GOLDEN.mkdir(parents=True, exist_ok=True)
    found = {}
    for name in ("wordpiece", "bpe", "unigram"):
        tokenizer = trained(name)
        tokenizer.save(str(GOLDEN / f"{name}.json"), pretty=False)
        found[name] = golden(tokenizer)
        if name == "wordpiece":
            tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)
            found["cased"] = golden(tokenizer)
    write("texts.json", TEXTS)
    write("golden.json", {"tokenizers": tokenizers.__version__, **found})


def sentences(data):
    """The first of each training set, 10,000 together."""
    for name, column, header, count in (("sst2", 0, 1, 4000), ("trec6", 0, 1, 3000), ("cola", 3, 0, 3000)):
        lines = (data / name / "train.tsv").read_text(encoding="utf-8").split("\n")[header:]
        yield from (line.split("\t")[column] for line in lines[:count])


def write_real(data):
    tokenizer = Tokenizer.from_file(str(data / "bert-base-uncased" / "tokenizer.json"))
    tokenizer.no_padding()
    texts = list(sentences(data))
    pairs = list(zip(texts, texts[1:] + texts[:1]))
    written = {
        "tokenizers": tokenizers.__version__,
        "texts": len(texts),
        "singles": digest([encoded(tokenizer, text) for text in texts]),
        "truncated": digest([encoded(tokenizer, text, None, 16) for text in texts]),
        "pairs": digest([encoded(tokenizer, first, second, 48) for first, second in pairs]),
    }
    write("real.json", written)


def write(name, value):
    path = GOLDEN / name
    path.write_text(json.dumps(value, separators=(",", ":")).replace('],"', '],\n"') + "\n")
    print(f"{name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    if sys.argv[1:2] == ["real"]:
        write_real(pathlib.Path(sys.argv[2]))
    else:
        write_small()
