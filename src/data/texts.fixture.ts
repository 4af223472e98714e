/** Test helper, not part of the package: texts of a small vocabulary, and a tokenizer for it. */
import type { Samples } from "./samples.ts";
import { type TextSamples, textSamples, tokenTable } from "./texts.ts";
import type { Encoding } from "./tokenizer.ts";

export const words = ["good", "bad", "film", "plot", "the", "a", "was", "is", "very", "so", "and", "not"];
const special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/** A tokenizer.json of whole words, that puts [CLS] and [SEP] around them as BERT's does. */
export function wordTokenizer(): object {
  const content = [...special, ...words];
  const part = (name: "A" | "B", type: number) => ({ Sequence: { id: name, type_id: type } });
  const token = (id: string, type: number) => ({ SpecialToken: { id, type_id: type } });
  const template = [token("[CLS]", 0), part("A", 0), token("[SEP]", 0)];
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: special.map((text, id) => ({
      ...{ id, content: text, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
    })),
    normalizer: { type: "BertNormalizer", clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: {
      type: "TemplateProcessing",
      single: template,
      pair: [...template, part("B", 1), token("[SEP]", 1)],
      special_tokens: Object.fromEntries(["[CLS]", "[SEP]"].map((id) => [id, { id, ids: [content.indexOf(id)], tokens: [id] }])),
    },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      ...{ type: "WordPiece", unk_token: "[UNK]", continuing_subword_prefix: "##", max_input_chars_per_word: 100 },
      vocab: Object.fromEntries(content.map((text, id) => [text, id])),
    },
  };
}

export const VOCABULARY = special.length + words.length;

/** Texts whose tokens are given: [CLS] first, 1 where a text is its second. */
export function samplesOf(encodings: readonly Encoding[], more: Partial<TextSamples> = {}): Samples {
  const longest = Math.max(...encodings.map(({ ids }) => ids.length));
  return textSamples({
    name: "texts",
    classes: ["bad", "good"],
    labels: Int32Array.from(encodings, ({ ids }) => Number(ids.includes(special.length))),
    tokens: tokenTable(encodings),
    texts: encodings.map(({ ids }) => Array.from(ids, (id) => [...special, ...words][id]).join(" ")),
    lengths: [longest],
    pad: 0,
    vocabulary: VOCABULARY,
    special: { pad: 0, unk: 1, cls: 2, sep: 3, mask: 4 },
    ...more,
  });
}

/** A text of so many tokens, of which the last word but its place among others says whether it is good. */
export function encodingOf(length: number, salt: number): Encoding {
  const ids = Int32Array.from({ length }, (_, place) => {
    if (place === 0) return 2;
    if (place === length - 1) return 3;
    return place === 1 + (salt % Math.max(1, length - 2)) ? 5 + (salt % 2) : 7 + ((salt * 31 + place * 17) % 10);
  });
  return { ids, typeIds: new Int32Array(length) };
}
