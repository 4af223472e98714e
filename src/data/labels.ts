import { LimbeckError } from "../errors.ts";
import { permutation, type Random, randomFor } from "../random.ts";
import { NO_LABEL, relabelled, type Samples, subset } from "./samples.ts";

/** What is known of the classes of training samples. */
export interface LabelOptions {
  /** How many labels are kept: a whole number, or a fraction below 1; all unless given. */
  readonly keep?: number;
  /** The share of the labels kept that are replaced by another class. */
  readonly noise?: number;
  /** Of which these are. */
  readonly seed?: number;
  /** Leaves out the samples without a label (`labelledOnly`). */
  readonly only?: boolean;
}

const KEEP = 0x4b656570;
const NOISE = 0x4e6f6973;

/**
 * Samples of which fewer labels are known, or some are wrong. What is kept of fewer labels is kept of more, and what is wrong at less noise
 * is wrong in the same way at more.
 *
 * @throws LimbeckError for more labels than there are, and noise where there is but one class.
 */
export function withLabels(samples: Samples, { keep, noise = 0, seed = 0, only = false }: LabelOptions): Samples {
  const labels = Int32Array.from({ length: samples.length }, (_, index) => samples.label(index));
  const present = [...new Set(labels)].filter((label) => label !== NO_LABEL).sort((a, b) => a - b);
  const kept = keep === undefined ? labels : keepSome(labels, keep, samples.name, randomFor(seed, KEEP));
  const changed = relabelled(samples, noise === 0 ? kept : withNoise(kept, present, noise, samples.name, randomFor(seed, NOISE)));
  return only ? labelledOnly(changed) : changed;
}

/** Keeps labels of each class in turn, so that all classes have equally many, as far as they go and to within one. */
function keepSome(labels: Int32Array, count: number, where: string, random: Random): Int32Array {
  const byClass = new Map<number, number[]>();
  for (const index of permutation(labels.length, random)) {
    const label = labels[index] as number;
    if (label === NO_LABEL) continue;
    const ofClass = byClass.get(label);
    if (ofClass) ofClass.push(index);
    else byClass.set(label, [index]);
  }
  const total = Array.from(byClass.values()).reduce((sum, { length }) => sum + length, 0);
  const wanted = count < 1 ? Math.round(count * total) : count;
  if (!Number.isInteger(wanted) || wanted < 1 || wanted > total) {
    throw new LimbeckError(`${count} of ${total} labels cannot be kept.`, {
      where,
      hint: `Give a fraction below 1 that leaves some, or a whole number up to ${total}.`,
    });
  }
  const kept = new Int32Array(labels.length).fill(NO_LABEL);
  let left = wanted;
  for (let round = 0; left > 0; round++) {
    for (const [label, ofClass] of byClass) {
      const index = ofClass[round];
      if (index === undefined || left === 0) continue;
      kept[index] = label;
      left--;
    }
  }
  return kept;
}

/** Replaces a share of the labels, each by one of the other classes that there are. */
function withNoise(labels: Int32Array, classes: readonly number[], share: number, where: string, random: Random): Int32Array {
  if (classes.length < 2) throw new LimbeckError("Labels of one class cannot be noisy.", { where, hint: "Leave data.labels.noise out." });
  const known = permutation(labels.length, random).filter((index) => labels[index] !== NO_LABEL);
  const noisy = labels.slice();
  for (const index of known.subarray(0, Math.round(share * known.length))) {
    // One of the others: beyond its own place, all are one further on.
    const other = random.integer(0, classes.length - 2);
    noisy[index] = classes[other < classes.indexOf(labels[index] as number) ? other : other + 1] as number;
  }
  return noisy;
}

/** Whether the class of some sample is not known. */
export function lacksLabels(samples: Samples): boolean {
  for (let index = 0; index < samples.length; index++) if (samples.label(index) === NO_LABEL) return true;
  return false;
}

/**
 * The samples that have a label, over and over until they are as many as all, so that an epoch has as many steps; each time with
 * augmentations of its own.
 *
 * @throws LimbeckError when there are none.
 */
export function labelledOnly(samples: Samples): Samples {
  const labelled = Array.from({ length: samples.length }, (_, index) => index).filter((index) => samples.label(index) !== NO_LABEL);
  if (labelled.length === 0) throw new LimbeckError("No training sample has a label.", { where: samples.name });
  return subset(
    samples,
    Uint32Array.from({ length: samples.length }, (_, place) => labelled[place % labelled.length] as number),
  );
}
