import { LimbeckError } from "../../errors.ts";
import { widened } from "../../graph/tensor.ts";
import { toFloat16 } from "./float16.ts";

/*
 * The k highest of C logits, for teachers of many classes. One record, little-endian:
 *
 *     float32         m, the highest logit
 *     float32         µ, the mean of the rest, less m
 *     float32         λ, the log of the mean of exp over the rest, less m
 *     uint16 × k      their classes (uint32 beyond 65,536 classes), ascending
 *     float16 × k     their logits, less m
 *
 * The classes left out are given one common logit, m + u(T), so that a softmax sees the mass that they had together. What that takes
 * depends on the temperature: u(T) = T·K(1/T), where K(β) = log mean exp(β·(z - m)) over the rest. K is convex, K(0) = 0, K'(0) = µ and
 * K(1) = λ; the parabola through these is K(β) ≈ µ·β + (λ - µ)·β², hence
 *
 *     u(T) = µ + (λ - µ)/T.
 *
 * It is exact at T = 1 and as T → ∞, and at every T where the rest is normally distributed. For T >= 1 both K and the parabola lie between
 * µ·β and λ·β, so that log(mass) is off by at most (λ - µ)/T, and with it the logarithm of each kept probability. TinyViT (Wu et al. 2022,
 * arXiv 2207.10666) spreads the rest evenly too, but of probabilities at one temperature; a logit that keeps the mass at T = 1 alone would
 * give the rest too much at every higher temperature.
 *
 * Differences are kept in float16, which errs by 2^-11 of a difference: least where the probability is highest. Below -65,504, where no
 * softmax tells them from -∞, they are cut off.
 */

const PREFIX = 12;
const LOWEST = -65504;

const wide = (classes: number): boolean => classes > 2 ** 16;

/** Bytes of a record, a multiple of four. */
export function topKBytes(classes: number, k: number): number {
  return 4 * Math.ceil((PREFIX + k * (wide(classes) ? 6 : 4)) / 4);
}

/**
 * Writes the record of `logits`.
 *
 * @param k At most as many as there are logits.
 * @throws LimbeckError when there is no highest logit: one is NaN or infinite, or all are -∞.
 */
export function encodeTopK(logits: Float32Array, k: number, record: Uint8Array): void {
  if (logits.some((value) => !(value < Number.POSITIVE_INFINITY)) || logits.every((value) => value === Number.NEGATIVE_INFINITY)) {
    throw new LimbeckError("The teacher's logits are not finite.", { hint: "Check the teacher with `limbeck evaluate`." });
  }
  const { kept, rest } = split(logits, k);
  const highest = kept.reduce((most, index) => Math.max(most, logits[index] as number), Number.NEGATIVE_INFINITY);
  const below = (index: number) => Math.max(LOWEST, (logits[index] as number) - highest);
  const mean = average(rest, below);
  const logMeanExp =
    rest.length === 0
      ? mean
      : Math.log(
          Math.max(
            Number.MIN_VALUE,
            average(rest, (index) => Math.exp(below(index))),
          ),
        );
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  view.setFloat32(0, highest, true);
  view.setFloat32(4, mean, true);
  // Where exp underflows, the mean is the better bound of the two.
  view.setFloat32(8, Math.max(mean, logMeanExp), true);
  const { classes, differences } = parts(record, logits.length, k);
  kept.forEach((index, place) => {
    classes[place] = index;
    differences[place] = toFloat16(below(index));
  });
}

/** Writes all the logits of a record, good for a softmax at `temperature`, to `logits`. */
export function decodeTopK(record: Uint8Array, k: number, temperature: number, logits: Float32Array): void {
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  const [highest, mean, logMeanExp] = [0, 4, 8].map((at) => view.getFloat32(at, true)) as [number, number, number];
  const { classes, differences } = parts(record, logits.length, k);
  const kept = widened({ type: "float16", shape: [k], data: differences }).data;
  // Below T = 1 the parabola may rise above the lowest logit that was kept; the rest never does.
  const lowest = kept.reduce((least, value) => Math.min(least, value), 0);
  logits.fill(highest + Math.min(lowest, mean + (logMeanExp - mean) / temperature));
  for (let place = 0; place < k; place++) logits[classes[place] as number] = highest + (kept[place] as number);
}

/** Indices of the k highest, of equal ones those that come first, and of the others; both ascending. */
function split(logits: Float32Array, k: number): { readonly kept: readonly number[]; readonly rest: readonly number[] } {
  const threshold = logits.slice().sort()[logits.length - k] as number;
  let equal = k - logits.reduce((count, value) => count + Number(value > threshold), 0);
  const kept: number[] = [];
  const rest: number[] = [];
  logits.forEach((value, index) => {
    const keep = value > threshold || (value === threshold && equal-- > 0);
    (keep ? kept : rest).push(index);
  });
  return { kept, rest };
}

/** The arrays inside of a record, which starts at a multiple of four bytes. */
function parts(record: Uint8Array, count: number, k: number) {
  const { buffer, byteOffset } = record;
  const classes = wide(count) ? new Uint32Array(buffer, byteOffset + PREFIX, k) : new Uint16Array(buffer, byteOffset + PREFIX, k);
  return { classes, differences: new Uint16Array(buffer, classes.byteOffset + classes.byteLength, k) };
}

function average(indices: readonly number[], of: (index: number) => number): number {
  return indices.length === 0 ? 0 : indices.reduce((sum, index) => sum + of(index), 0) / indices.length;
}
