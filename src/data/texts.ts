import { LimbeckError } from "../errors.ts";
import { int32, type Tensor } from "../graph/tensor.ts";
import { INPUT_IDS } from "../nn/text.ts";
import type { Random } from "../random.ts";
import { permutation } from "../random.ts";
import { type Inputs, TOKEN_LABELS } from "./inputs.ts";
import type { Samples } from "./samples.ts";
import { tokenBatch } from "./token-batch.ts";
import { maskTokens, type TokenMasking } from "./token-masking.ts";
import type { Encoding, SpecialTokens } from "./tokenizer.ts";

/** What samples hold that are texts: numbers of tokens. Immutable. */
export interface Texts {
  /** The tokens of sample `index`, special ones included; not copied. */
  encoding(index: number): Encoding;
  /** Sample `index` for readers; the texts of a pair are lines. */
  text(index: number): string;
  /** Ascending: the numbers of tokens that batches are padded to. No text has more than the last. */
  readonly lengths: readonly number[];
  /** The token that is padded with. */
  readonly pad: number;
  /** Rows that a table of embeddings needs for the tokenizer. */
  readonly vocabulary: number;
  /** The tokenizer's tokens with a meaning. */
  readonly special: SpecialTokens;
}

/** Tokens of many texts, one after the other. */
export interface TokenTable {
  readonly ids: Int32Array;
  /** Of each token, 0 in the first text of a pair and 1 in the second. */
  readonly typeIds: Int32Array;
  /** Where each text ends. */
  readonly ends: Int32Array;
}

export interface TextSamples extends Pick<Texts, "lengths" | "pad" | "vocabulary" | "special"> {
  readonly name: string;
  readonly classes: readonly string[];
  /** `[N]`, −1 where it isn't known. */
  readonly labels: Int32Array;
  readonly tokens: TokenTable;
  /** `[N]`, as `Texts.text` gives them. */
  readonly texts: readonly string[];
}

/** Texts as samples. They have no values: their batches are tokens. */
export function textSamples({ name, classes, labels, tokens, texts, ...how }: TextSamples): Samples {
  const { ids, typeIds, ends } = tokens;
  return {
    name,
    length: labels.length,
    sampleShape: [],
    classes,
    label: (index) => labels[index] as number,
    read: () => {
      throw new LimbeckError("Texts have no values to read.", { where: name });
    },
    texts: {
      ...how,
      encoding: (index) => {
        const [start, end] = [ends[index - 1] ?? 0, ends[index]];
        return { ids: ids.subarray(start, end), typeIds: typeIds.subarray(start, end) };
      },
      text: (index) => texts[index] as string,
    },
  };
}

/** One after the other, in one piece of memory each. */
export function tokenTable(encodings: readonly Encoding[]): TokenTable {
  const ends = new Int32Array(encodings.length);
  let total = 0;
  encodings.forEach(({ ids }, index) => {
    total += ids.length;
    ends[index] = total;
  });
  const [ids, typeIds] = [new Int32Array(total), new Int32Array(total)];
  encodings.forEach((encoding, index) => {
    ids.set(encoding.ids, ends[index - 1] ?? 0);
    typeIds.set(encoding.typeIds, ends[index - 1] ?? 0);
  });
  return { ids, typeIds, ends };
}

/** Multiples of which lengths are, where the data say which they are. */
const STEP = 8;

/**
 * A few lengths to pad texts to: those that half, three quarters, seven eighths, ... of the texts don't exceed, in multiples of 8, and the
 * longest.
 *
 * @param tokens Of each text. @param count The most lengths. @param longest Of all texts, these or others.
 * @param most What no length is to exceed.
 */
export function lengthsFor(tokens: ArrayLike<number>, count: number, longest: number, most: number): readonly number[] {
  const ascending = Int32Array.from(tokens).sort();
  const quantile = (share: number) => ascending[Math.max(0, Math.ceil(share * ascending.length) - 1)] ?? longest;
  const lengths = [...Array.from({ length: count - 1 }, (_, index) => quantile(1 - 0.5 ** (index + 1))), longest];
  return [...new Set(lengths.map((length) => Math.min(most, STEP * Math.ceil(length / STEP))))];
}

/** What texts of so many tokens at most are padded to. */
export function paddedLength({ lengths }: Texts, longest: number): number {
  return lengths.find((length) => length >= longest) ?? longest;
}

/** Some texts as what networks of text take, padded to the length that the longest of them needs. */
export function tokenInputs(texts: Texts, indices: Uint32Array): Inputs {
  return padded(texts, Array.from(indices, texts.encoding));
}

/** The same with some of their words masked (`maskTokens`), and which these were: `TOKEN_LABELS`. */
export function maskedInputs(
  texts: Texts,
  indices: Uint32Array,
  masking: TokenMasking,
  view: { readonly seed: number; readonly view: number },
): Inputs {
  const encodings = Array.from(indices, (index) => {
    const { ids, typeIds } = texts.encoding(index);
    return { typeIds, ...maskTokens(ids, masking, { ...view, index }) };
  });
  const inputs = padded(texts, encodings);
  const [count, length] = (inputs[INPUT_IDS] as Tensor).shape as readonly [number, number];
  const labels = new Int32Array(count * length).fill(-1);
  encodings.forEach((encoding, row) => {
    labels.set(encoding.labels.subarray(0, length), row * length);
  });
  return { ...inputs, [TOKEN_LABELS]: int32(labels, [count, length]) };
}

function padded(texts: Texts, encodings: readonly Encoding[]): Inputs {
  const longest = encodings.reduce((most, { ids }) => Math.max(most, ids.length), 0);
  return tokenBatch(encodings, { pad: texts.pad, length: paddedLength(texts, longest) });
}

/**
 * The same samples, so that those that make a batch are of like length: each in a batch of the shortest length that it fits into, in their
 * order, but for what doesn't fill one, which joins the samples of the next length. Batches come in the order of their lengths, the only one
 * that may be smaller last.
 */
export function byLength(texts: Texts, order: Uint32Array, batchSize: number): Uint32Array {
  const groups = new Map(texts.lengths.map((length): [number, number[]] => [length, []]));
  for (const index of order) groups.get(paddedLength(texts, texts.encoding(index).ids.length))?.push(index);
  const found: number[] = [];
  let left: number[] = [];
  for (const group of groups.values()) {
    const all = [...left, ...group];
    const full = all.length - (all.length % batchSize);
    for (const index of all.slice(0, full)) found.push(index);
    left = all.slice(full);
  }
  return Uint32Array.from([...found, ...left]);
}

/** The batches of an order, all of them full, in another order. */
export function shuffledBatches(order: Uint32Array, batchSize: number, random: Random): Uint32Array {
  const shuffled = new Uint32Array(order.length);
  permutation(order.length / batchSize, random).forEach((from, to) => {
    shuffled.set(order.subarray(from * batchSize, (from + 1) * batchSize), to * batchSize);
  });
  return shuffled;
}
