import { Tokenizer as Library } from "@huggingface/tokenizers";
import { z } from "zod";
import { LimbeckError } from "../errors.ts";
import { correct } from "./tokenizer-corrections.ts";

/** A text, or a pair of texts, as numbers of tokens, special ones included. */
export interface Encoding {
  readonly ids: Int32Array;
  /** Of each token, 0 in the first text and 1 in the second. */
  readonly typeIds: Int32Array;
}

export interface EncodeOptions {
  /** The second text of a pair; it may be empty. */
  readonly pair?: string;
  /** The most tokens, special ones included: of a pair the longer text loses its last tokens first. No limit unless given. */
  readonly maxLength?: number;
}

const kinds = ["cls", "sep", "pad", "mask", "unk"] as const;
/** Numbers of the tokens with a meaning, where the tokenizer has them. */
export type SpecialTokens = { readonly [K in (typeof kinds)[number]]?: number | undefined };

/** Turns text into numbers of tokens: Hugging Face's `tokenizer.json`, with WordPiece, BPE or Unigram. */
export interface Tokenizer {
  /** Rows that a table of embeddings needs: the highest number of a token, and one. */
  readonly vocabularySize: number;
  readonly special: SpecialTokens;
  /** The most tokens that its model takes, where tokenizer_config.json says. */
  readonly maxLength: number | undefined;
  /** @throws LimbeckError where `maxLength` leaves no room for the special tokens. */
  encode(text: string, options?: EncodeOptions): Encoding;
}

/** In bytes. A vocabulary of 250,000 tokens, the largest of BERT's kind, takes 17 MB. */
export const LARGEST_FILE = 64 * 2 ** 20;
/** No vocabulary is near it, and a table of embeddings with so many rows would not fit. */
const MOST_TOKENS = 2 ** 24;

const tokenId = z
  .int()
  .min(0)
  .max(MOST_TOKENS - 1);
/** What is looked at here; the library reads the rest. */
const tokenizerShape = z.looseObject({
  added_tokens: z.array(z.looseObject({ id: tokenId, content: z.string() })),
  model: z.looseObject({
    vocab: z.union([
      z.record(z.string(), tokenId),
      z
        .array(z.tuple([z.string(), z.number()]))
        .min(1)
        .max(MOST_TOKENS),
    ]),
  }),
});
const tokenName = z.union([z.string(), z.looseObject({ content: z.string() })]).nullish();
const configShape = z.looseObject({
  cls_token: tokenName,
  sep_token: tokenName,
  pad_token: tokenName,
  mask_token: tokenName,
  unk_token: tokenName,
  model_max_length: z.number().nullish(),
  truncation_side: z.enum(["left", "right"]).nullish(),
});
type Configuration = z.output<typeof configShape>;

/** What special tokens are called where tokenizer_config.json doesn't say. */
const usualNames: Readonly<Record<(typeof kinds)[number], readonly string[]>> = {
  cls: ["[CLS]", "<s>"],
  sep: ["[SEP]", "</s>"],
  pad: ["[PAD]", "<pad>"],
  mask: ["[MASK]", "<mask>"],
  unk: ["[UNK]", "<unk>"],
};

/** The bytes of a tokenizer's files, and what to call the first in messages. */
export interface TokenizerFiles {
  readonly tokenizer: Uint8Array;
  /** tokenizer_config.json. */
  readonly config?: Uint8Array;
  readonly source?: string;
}

/** @throws LimbeckError when a file is damaged, larger than 64 MB, or of a kind that isn't known. */
export function openTokenizer({ tokenizer, config, source = "tokenizer.json" }: TokenizerFiles): Tokenizer {
  const stored = parsed(tokenizer, tokenizerShape, source);
  const configured: Configuration = config ? parsed(config, configShape, `the tokenizer_config.json of ${source}`) : {};
  const library = fromLibrary(stored, configured, source);
  correct(library);
  const ids = Array.isArray(stored.model.vocab) ? stored.model.vocab.map((_, id) => id) : Object.values(stored.model.vocab);
  const highest = [...ids, ...stored.added_tokens.map(({ id }) => id)].reduce((a, b) => Math.max(a, b), -1);
  const [single, double] = [frameOf(library, stored, false, source), frameOf(library, stored, true, source)];
  const side = configured.truncation_side ?? "right";
  const pieces = (text: string): readonly number[] => library.encode(text, { add_special_tokens: false }).ids;
  return {
    vocabularySize: highest + 1,
    special: specialTokens(library, configured),
    maxLength: configured.model_max_length && configured.model_max_length < MOST_TOKENS ? configured.model_max_length : undefined,
    encode(text, { pair, maxLength = Number.POSITIVE_INFINITY } = {}) {
      const frame = pair === undefined ? single : double;
      const room = maxLength - frame.filter(({ token }) => typeof token === "number").length;
      if (Number.isNaN(room) || room < 0) {
        throw new LimbeckError(`A length of ${maxLength} tokens leaves no room for text beside the special tokens.`, {
          where: source,
          hint: "Give a greater length.",
        });
      }
      const first = pieces(text);
      const second = pair === undefined ? [] : pieces(pair);
      const [a, b] = lengthsWithin(first.length, second.length, room);
      return assembled(frame, shortened(first, a, side), shortened(second, b, side));
    },
  };
}

/** JSON of that shape, as it stands in the file. */
function parsed<T>(bytes: Uint8Array, shape: z.ZodType<T>, source: string): T {
  if (bytes.length > LARGEST_FILE) {
    throw new LimbeckError(`The file has ${bytes.length} bytes, more than any tokenizer needs (64 MB).`, { where: source });
  }
  const damaged = (why: string, cause?: unknown) =>
    new LimbeckError(`Not a tokenizer's file, or a damaged one: ${why}.`, {
      where: source,
      hint: "Use the files that Hugging Face's tokenizers wrote.",
      cause,
    });
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw damaged("it is not JSON", cause);
  }
  const issue = shape.safeParse(json).error?.issues[0];
  if (issue) throw damaged(`${issue.path.join(".") || "it"}: ${issue.message}`);
  return json as T;
}

function fromLibrary(stored: object, config: object, source: string): Library {
  try {
    return new Library(stored, config);
  } catch (cause) {
    throw new LimbeckError(`This tokenizer can't be used: ${cause instanceof Error ? cause.message : String(cause)}.`, {
      where: source,
      hint: "WordPiece, BPE and Unigram are known, with the parts that @huggingface/tokenizers knows.",
      cause,
    });
  }
}

function specialTokens(library: Library, configuration: Configuration): SpecialTokens {
  const idOf = (kind: (typeof kinds)[number]): number | undefined => {
    const own = configuration[`${kind}_token`];
    const names = own ? [typeof own === "string" ? own : own.content] : usualNames[kind];
    return names.map((name) => library.token_to_id(name)).find((id) => id !== undefined);
  };
  return Object.fromEntries(kinds.map((kind) => [kind, idOf(kind)]));
}

/** The special tokens around one text or two: each a number, or the place of a text. */
type Frame = readonly { readonly token: number | "first" | "second"; readonly type: number }[];

/** Learned once, from what the tokenizer puts around texts of one token each. */
function frameOf(library: Library, stored: object, isPair: boolean, source: string): Frame {
  const [first, second] = ["\0first", "\0second"];
  const processed = library.post_processor?.post_process([first], ...(isPair ? [[second]] : []));
  const tokens = processed ? [...processed.tokens, ...(processed.tokens_pair ?? [])] : isPair ? [first, second] : [first];
  // RoBERTa's models know one type; the library numbers its pairs like BERT's.
  const hasTypes = !JSON.stringify((stored as { post_processor?: unknown }).post_processor ?? null).includes('"RobertaProcessing"');
  const types = processed?.token_type_ids ?? tokens.map((token) => (token === second ? 1 : 0));
  const frame = tokens.map((token, place) => ({
    token: token === first ? ("first" as const) : token === second ? ("second" as const) : library.token_to_id(token),
    type: hasTypes ? (types[place] ?? 0) : 0,
  }));
  const counts = [first, second].map((text) => tokens.filter((token) => token === text).length);
  if (frame.some(({ token }) => token === undefined) || counts[0] !== 1 || counts[1] !== Number(isPair)) {
    throw new LimbeckError("The tokenizer's post-processor has special tokens that its vocabulary lacks, or repeats a text.", {
      where: source,
    });
  }
  return frame as Frame;
}

/** How long two texts may stay, the longer shortened first, as Hugging Face's "longest_first" has it. @param room For both together. */
export function lengthsWithin(first: number, second: number, room: number): readonly [number, number] {
  if (first + second <= room) return [first, second];
  if (second === 0) return [room, 0];
  const shorter = Math.min(first, second);
  const longer = Math.max(shorter, room - shorter);
  const half = Math.floor(room / 2);
  const [short, long] = shorter + longer > room ? [half, room - half] : [shorter, longer];
  return first > second ? [long, short] : [short, long];
}

const shortened = (ids: readonly number[], length: number, side: "left" | "right"): readonly number[] =>
  length >= ids.length ? ids : side === "right" ? ids.slice(0, length) : ids.slice(ids.length - length);

function assembled(frame: Frame, first: readonly number[], second: readonly number[]): Encoding {
  const parts = frame.map(({ token, type }) => ({ ids: token === "first" ? first : token === "second" ? second : [token], type }));
  const length = parts.reduce((total, { ids }) => total + ids.length, 0);
  const [ids, typeIds] = [new Int32Array(length), new Int32Array(length)];
  let at = 0;
  for (const part of parts) {
    ids.set(part.ids, at);
    typeIds.fill(part.type, at, at + part.ids.length);
    at += part.ids.length;
  }
  return { ids, typeIds };
}
