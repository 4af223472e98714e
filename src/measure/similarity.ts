import { LimbeckError } from "../errors.ts";
import { randomFor } from "../random.ts";
import { spearmanCorrelation } from "./correlation.ts";

/** Vectors of samples, all of one length. */
export interface Vectors {
  /** [samples, size], row-major. */
  readonly data: Float32Array;
  readonly size: number;
}

/** Pairs beyond this many are drawn. */
const MOST_PAIRS = 100_000;
const PAIRS = 0x50616972;

/**
 * How well two networks agree on which samples are alike: Spearman's correlation of the cosines of pairs of samples, −1 to 1, as sentence
 * embeddings are measured (Reimers and Gurevych, 2019, arXiv:1908.10084). Of all pairs, or of 100,000 that are drawn, the same ones each
 * time.
 *
 * @param vectors Of the same samples in the same order, of any length.
 * @throws LimbeckError when they are of other numbers of samples, or of fewer than three.
 */
export function similarityCorrelation(a: Vectors, b: Vectors): number {
  const [count, other] = [a, b].map(({ data, size }) => data.length / size) as [number, number];
  if (count !== other || count < 3) {
    throw new LimbeckError(`Similarities are compared of the same samples, three or more: here are ${count} and ${other}.`);
  }
  const pairs = pairsOf(count);
  const [ours, theirs] = [a, b].map((vectors) => cosinesOf(vectors, pairs)) as [Float64Array, Float64Array];
  return spearmanCorrelation(ours, theirs);
}

/** Numbers of two samples each, side by side. */
function pairsOf(count: number): Uint32Array {
  const all = (count * (count - 1)) / 2;
  const pairs = new Uint32Array(2 * Math.min(all, MOST_PAIRS));
  if (all <= MOST_PAIRS) {
    for (let first = 0, at = 0; first < count; first++) {
      for (let second = first + 1; second < count; second++, at += 2) pairs.set([first, second], at);
    }
    return pairs;
  }
  const random = randomFor(count, PAIRS);
  for (let at = 0; at < pairs.length; at += 2) {
    const first = random.integer(0, count - 1);
    const second = random.integer(0, count - 2);
    pairs.set([first, second < first ? second : second + 1], at);
  }
  return pairs;
}

function cosinesOf({ data, size }: Vectors, pairs: Uint32Array): Float64Array {
  const lengths = Float64Array.from({ length: data.length / size }, (_, row) => Math.sqrt(product(data, size, row, row)));
  return Float64Array.from({ length: pairs.length / 2 }, (_, pair) => {
    const [first, second] = [pairs[2 * pair] as number, pairs[2 * pair + 1] as number];
    const scale = (lengths[first] as number) * (lengths[second] as number);
    return scale === 0 ? 0 : product(data, size, first, second) / scale;
  });
}

function product(data: Float32Array, size: number, first: number, second: number): number {
  let sum = 0;
  for (let index = 0; index < size; index++) sum += (data[first * size + index] as number) * (data[second * size + index] as number);
  return sum;
}
