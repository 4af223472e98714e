import {
  BertNormalizer,
  ByteLevelPreTokenizer,
  LowercaseNormalizer,
  SequenceNormalizer,
  SequencePreTokenizer,
  type Tokenizer,
} from "@huggingface/tokenizers";

// Where version 0.2.0 of @huggingface/tokenizers splits text otherwise than the library in Rust, by which models were trained:
// - it looks at halves of characters beyond U+FFFF, and so doesn't set Chinese ones apart;
// - it writes a sigma at the end of a word as ς, where Rust, which looks at each character by itself, writes σ;
// - byte-level BPE takes U+FEFF for white space, and U+0085 for none.
// Marks and punctuation that came after Unicode 8, which Rust's tables lack, stay different, and so may equally likely ways to cut a word
// by Unigram.

/** Replaces those parts. */
export function correct(tokenizer: Tokenizer): void {
  tokenizer.normalizer = corrected(tokenizer.normalizer);
  correctSpaces(tokenizer.pre_tokenizer);
}

function correctSpaces(part: Tokenizer["pre_tokenizer"]): void {
  if (part instanceof SequencePreTokenizer) for (const inner of part.tokenizers) correctSpaces(inner);
  if (!(part instanceof ByteLevelPreTokenizer)) return;
  const { source, flags } = part.pattern;
  part.pattern = new RegExp(source.replaceAll("\\s", "\\p{White_Space}").replaceAll("\\S", "\\P{White_Space}"), flags);
}

type Normalizer = Tokenizer["normalizer"];

function corrected(normalizer: Normalizer): Normalizer {
  if (normalizer instanceof BertNormalizer) return new ExactBertNormalizer(normalizer.config);
  if (normalizer instanceof LowercaseNormalizer) return new ExactLowercase(normalizer.config);
  if (normalizer instanceof SequenceNormalizer) normalizer.normalizers = normalizer.normalizers.map(corrected);
  return normalizer;
}

/** Chinese characters as the library in Rust has them (2B820 to 2B91F are missing there). */
const CHINESE =
  /[\u4E00-\u9FFF\u3400-\u4DBF\u{20000}-\u{2A6DF}\u{2A700}-\u{2B73F}\u{2B740}-\u{2B81F}\u{2B920}-\u{2CEAF}\uF900-\uFAFF\u{2F800}-\u{2FA1F}]/gu;

const lowercase = (text: string): string => text.replaceAll("Σ", "σ").toLowerCase();

class ExactLowercase extends LowercaseNormalizer {
  override normalize(text: string): string {
    return lowercase(text);
  }
}

class ExactBertNormalizer extends BertNormalizer {
  /** The library's own cleaning, which is private to it, and nothing else. */
  private readonly cleaner = new BertNormalizer({ ...this.config, handle_chinese_chars: false, lowercase: false, strip_accents: false });

  override normalize(text: string): string {
    const { handle_chinese_chars: handlesChinese, lowercase: isLower, strip_accents: strips } = this.config;
    const cleaned = this.cleaner.normalize(text);
    const spaced = handlesChinese ? cleaned.replace(CHINESE, " $& ") : cleaned;
    const stripped = (strips ?? isLower) ? this.strip_accents(spaced) : spaced;
    return isLower ? lowercase(stripped) : stripped;
  }
}
