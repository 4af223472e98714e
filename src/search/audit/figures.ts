import type { Reordering } from "../../measure/assignment.ts";
import type { Likeness } from "../../measure/likeness.ts";
import type { Scores } from "../../measure/scores.ts";
import type { SoftTargets } from "../../measure/soft-targets.ts";
import { thresholds } from "./thresholds.ts";

/** What an audit has measured. Accuracies are fractions of 1, on validation samples unless said; none is of a test sample. */
export interface AuditFigures {
  readonly classes: number;
  /** Validation samples that were looked at. */
  readonly samples: number;
  /** The share of the most frequent class among them. */
  readonly chance: number;
  readonly teacher: TeacherFigures;
  /** Teacher's over student's. Latency is that of one sample on one thread. */
  readonly ratios: { readonly parameters: number; readonly flops: number; readonly latency: number };
  readonly sizes: { readonly student: Size; readonly teacher: Size };
  readonly likeness: Likeness;
  /** Of the teacher's answers on training samples, by temperature. */
  readonly softTargets: readonly SoftTargets[];
  /** The same at the temperature of the recipe, where that is one number. */
  readonly atRecipe?: SoftTargets;
  /** What the student probably reaches alone; unknown where it was not probed. */
  readonly alone?: Expectation;
  readonly probe?: Probe;
}

export interface Size {
  readonly name: string;
  readonly parameters: number;
  readonly flops: number;
  readonly latencyMs: number;
}

export interface TeacherFigures {
  readonly scores: Scores;
  /** On the training samples whose soft targets were looked at. */
  readonly trainAccuracy?: number;
  /** What its file, or the user, says that it reaches. */
  readonly claim?: number;
  /** Whether its outputs are probabilities, and no logits. */
  readonly givesProbabilities: boolean;
  readonly reordering: Reordering;
  /** The normalisation of inputs among some usual ones by which it does best, if that is not its own. */
  readonly renormalized?: { readonly name: string; readonly gain: number };
}

/** What a student reaches without a teacher on all of the data. */
export interface Expectation {
  readonly accuracy: number;
  /** Whether it was trained as the recipe says; otherwise it was trained less, and the accuracy follows from that. */
  readonly isMeasured: boolean;
}

/** Short runs of the student, all on the same samples, from the same initial weights for a seed. */
export interface Probe {
  readonly samples: number;
  readonly epochs: number;
  readonly seeds: readonly number[];
  readonly alone: Arm;
  readonly taught: Arm & { readonly gain: Difference };
  /** Taught by others. */
  readonly others: readonly OtherArm[];
  /** What was trained longer to know what the student reaches alone. */
  readonly reach?: { readonly samples: number; readonly epochs: number; readonly accuracy: number };
  /** Whether the budget ended before all runs did. */
  readonly isCutShort: boolean;
}

export interface Arm {
  /** Of each seed. */
  readonly accuracies: readonly number[];
  /** How often it says what the teacher says, of the validation samples. */
  readonly agreement: number;
}

/** A student of another teacher, or of an assistant between it and the teacher. */
export interface OtherArm extends Arm {
  readonly kind: "checkpoint" | "teacher" | "assistant";
  /** A path, or the name of the assistant. */
  readonly name: string;
  /** Of whom it learns from, where that was there before. */
  readonly teacherAccuracy?: number;
  /** Against the student alone, and against the student of the audited teacher. */
  readonly gain: Difference;
  readonly lead: Difference;
}

/** The mean over seeds of paired differences, and beyond what it is no accident. */
export interface Difference {
  readonly mean: number;
  /** Standard deviation over seeds. */
  readonly deviation: number;
  readonly margin: number;
}

/** @param samples On which each accuracy was measured. */
export function differenceOf(accuracies: readonly number[], others: readonly number[], samples: number): Difference {
  const all = accuracies.map((accuracy, seed) => accuracy - (others[seed] as number));
  const mean = meanOf(all);
  const deviation = Math.sqrt(all.reduce((sum, one) => sum + (one - mean) ** 2, 0) / Math.max(1, all.length - 1));
  const margin = Math.max((thresholds.errors.value * deviation) / Math.sqrt(all.length), thresholds.leastSamples.value / samples);
  return { mean, deviation, margin };
}

export const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** A run without a teacher: samples seen, each epoch anew, and the accuracy that came of it. */
export interface Reached {
  readonly seen: number;
  readonly accuracy: number;
}

/**
 * What the student reaches alone when it sees so many samples: the error falls by a power law of these (Hestness et al., 2017), whose exponent
 * follows from a shorter and a longer run.
 */
export function expectedAccuracy(short: Reached, long: Reached, seen: number): Expectation {
  if (long.seen >= seen) return { accuracy: long.accuracy, isMeasured: true };
  const [before, after] = [1 - short.accuracy, 1 - long.accuracy];
  const slope = long.seen > short.seen && after > 0 ? Math.log(before / after) / Math.log(long.seen / short.seen) : 0;
  const exponent = Math.min(Math.max(slope, 0), thresholds.exponent.value);
  return { accuracy: 1 - after * (long.seen / seen) ** exponent, isMeasured: false };
}
