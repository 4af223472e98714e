import type { Scores } from "../measure/scores.ts";
import type { ShownMistake } from "./report.ts";

/** How good a classifier is on a set of samples. */
export interface Evaluation extends Omit<Scores, "crossEntropy"> {
  readonly model: string;
  readonly data: string;
  readonly split: "train" | "test";
  readonly samples: number;
  readonly errors: number;
  /** Mean cross-entropy, which is the negative log likelihood, in nats. */
  readonly loss: number;
  /** Fractions of 1. */
  readonly teacher?: { readonly model: string; readonly accuracy: number; readonly agreement: number };
  readonly classes: readonly string[];
  /** [C][C]: how many samples of each class (row) were taken for each class (column). */
  readonly confusion: readonly (readonly number[])[];
  /** Some of the errors, those first that the model is surest of. */
  readonly mistakes: readonly ShownMistake[];
}
