import type { Point } from "./space.ts";

/** A place to try. */
export interface Proposal {
  readonly point: Point;
  /** As many epochs as the recipe has unless given. */
  readonly epochs?: number;
}

/** How a place did on the validation samples. */
export interface Score {
  /** -Infinity where it failed. */
  readonly accuracy: number;
  readonly loss: number;
}

/**
 * A way to search, in rounds: it proposes places, is told how each did, and proposes others. What it proposes depends on that alone and on
 * its seed, and not on how many places are tried at a time.
 */
export type Method = Generator<readonly Proposal[], void, readonly Score[]>;

/** Orders the better before the worse: by accuracy, then by loss. What is no number is worst. */
export function compareScores(a: Score, b: Score): number {
  const by = (first: number, second: number): number => (first === second ? 0 : first > second ? -1 : 1);
  const known = (value: number): number => (Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value);
  return by(known(a.accuracy), known(b.accuracy)) || by(known(-a.loss), known(-b.loss));
}

/** The places of scores, best first; of equals, the earlier first. */
export function ranking(scores: readonly Score[]): readonly number[] {
  return scores.map((_, index) => index).sort((a, b) => compareScores(scores[a] as Score, scores[b] as Score) || a - b);
}
