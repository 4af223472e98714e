import type { Mistake } from "../measure/classification.ts";
import type { Scores } from "../measure/scores.ts";

/** What a run cost and what it kept: the plain data of `report.json`, from which everything shown to people is rendered. */
export interface Report {
  readonly limbeck: { readonly schema: 1 };
  /** The resolved recipe, as JSON. */
  readonly recipe: unknown;
  readonly seed: number;
  /** Which data, the sizes of its splits, what "last" and "best" epoch mean here, how latency was measured: sentences for a reader. */
  readonly protocol: string;
  readonly versions: { readonly limbeck: string; readonly onnxruntime: string; readonly node: string };
  readonly machine: Machine;

  /** Absent when a model was trained without one. */
  readonly teacher?: ModelReport;
  /** With several teachers, those after the first. */
  readonly otherTeachers?: readonly ModelReport[];
  /** What the run trained beside the student, by what it is to that: `assistant-1`, `generation-1`, `average`, `peer-1`, `ensemble`. */
  readonly relatives?: readonly { readonly name: string; readonly model: ModelReport }[];
  readonly student: ModelReport;
  /** The student's architecture trained on the labels alone. */
  readonly baseline?: ModelReport;
  /** Fraction of the test samples to which student and teacher give the same class. */
  readonly agreement?: number;
  /** Student's test accuracy / teacher's. */
  readonly retention?: number;
  readonly reduction?: Reduction;
  /** What the teacher's cache was good for, where there was one. */
  readonly teacherCache?: TeacherCacheReport;

  readonly epochs: number;
  /** Wall time of the whole run. */
  readonly seconds: number;
  readonly curves: { readonly student: readonly EpochRecord[]; readonly baseline?: readonly EpochRecord[] };
  /** Names of the classes, in the order of the logits. Of networks that give vectors there are none, and all that is of classes is absent or NaN. */
  readonly classes: readonly string[];
  /** `[C][C]`, the student on the test set: `confusion[label][prediction]` is a number of samples. */
  readonly confusion: readonly (readonly number[])[];
  /** Test samples that the student gets wrong, those that it is surest of first. Absent from runs of earlier versions. */
  readonly mistakes?: readonly ShownMistake[];
  /** Test samples to which teacher and student give different classes: all of them, or those worth showing. */
  readonly disagreements: readonly Disagreement[];
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly os: string;
}

/** A sample that is taken for another class, with its picture. */
export interface ShownMistake extends Mistake {
  /** A thumbnail as a `data:image/...;base64,` address. */
  readonly image?: string;
  /** What was classified, where it is no image. */
  readonly text?: string;
}

/** Counted in samples, each with all of the teacher's outputs for one augmentation; a resumed run counts from where it resumed. */
export interface TeacherCacheReport {
  /** That training used. */
  readonly used: number;
  /** That the teacher was run for. */
  readonly computed: number;
  /** Size of what the run read from. */
  readonly bytes: number;
}

export interface ModelReport {
  readonly name: string;
  /** Number of trained values. */
  readonly parameters: number;
  /** Of one sample's forward pass; a multiply-add counts as 2. */
  readonly flops: number;
  /** Size of the ONNX file. */
  readonly bytes: number;
  readonly accuracy: Accuracy;
  /** Misclassified test samples, of the same weights as `accuracy.lastEpoch`. */
  readonly errors: number;
  readonly testSamples: number;
  /** On the test set, of the same weights. Absent from runs of earlier versions. */
  readonly scores?: Scores;
  /** Of vectors: Spearman's correlation of the similarities of test samples with what the teacher makes of them, −1 to 1. */
  readonly similarity?: number;
  /** By batch size; milliseconds for the whole batch. */
  readonly latencyMs: Readonly<Record<`batch${number}`, Latency>>;
}

/** Fractions of 1, on the test set unless said otherwise. */
export interface Accuracy {
  /** The weights of the last epoch; for a model that came as a file, the file's. */
  readonly lastEpoch: number;
  /** On the test set, the weights of the epoch that was best on the validation set. */
  readonly bestOnValidation?: number;
  readonly bestEpoch?: number;
  /** On the validation set, the weights of the last epoch. */
  readonly validation?: number;
}

/** Milliseconds per run. */
export interface Latency {
  readonly median: number;
  readonly p95: number;
}

/** Teacher / student: above 1 where the student is smaller or faster. */
export interface Reduction {
  readonly parameters: number;
  readonly flops: number;
  readonly bytes: number;
  /** Of the medians, at the smallest batch that both were measured with. */
  readonly latency: number;
}

export interface EpochRecord {
  readonly epoch: number;
  /** Optimiser steps taken since the run began. */
  readonly step: number;
  readonly seconds: number;
  readonly learningRate: number;
  /** At the epoch's last step, the weights, temperatures and other numbers of the losses, as `NUMBER:LOSS`. Absent as below. */
  readonly scalars?: Readonly<Record<string, number>>;
  /** Mean of each loss term over the epoch. */
  readonly losses: Readonly<Record<string, number>>;
  /** What share of the gradient each loss term contributed at the epoch's last step. Where they are measured, they sum to 1. */
  readonly gradientShares?: Readonly<Record<string, number>>;
  /** Absent where no sample has a label. */
  readonly trainAccuracy?: number;
  /** Absent where nothing is held out for validation. */
  readonly validationAccuracy?: number;
  readonly validationLoss?: number;
  readonly samplesPerSecond: number;
  /** Shares of the training time in which the step waited. Absent from runs of earlier versions. */
  readonly waiting?: { readonly batch: number; readonly teacher: number; readonly gradients?: number };
}

export interface Disagreement {
  /** Place in the test set. */
  readonly index: number;
  /** A thumbnail as a `data:image/...;base64,` address. */
  readonly image?: string;
  /** What was classified, where it is no image. */
  readonly text?: string;
  /** Class numbers. */
  readonly label: number;
  readonly teacher: Prediction;
  readonly student: Prediction;
}

export interface Prediction {
  readonly class: number;
  readonly probability: number;
}

export type Role = "teacher" | "relative" | "baseline" | "student";

/** The models of a report, in the order in which they are shown, with what each is called. */
export function modelsOf(report: Report): readonly { readonly role: Role; readonly title: string; readonly model: ModelReport }[] {
  const { teacher, otherTeachers = [], relatives = [], baseline, student } = report;
  return [
    ...(teacher ? [{ role: "teacher", title: "Teacher", model: teacher } as const] : []),
    ...otherTeachers.map((model, index) => ({ role: "teacher", title: `Teacher ${index + 2}`, model }) as const),
    ...relatives.map(({ name, model }) => ({ role: "relative", title: titleOf(name), model }) as const),
    ...(baseline ? [{ role: "baseline", title: "Baseline", model: baseline } as const] : []),
    { role: "student", title: studentTitle(report), model: student },
  ];
}

/** `assistant-1`: Assistant 1. */
const titleOf = (name: string): string => `${name.charAt(0).toUpperCase()}${name.slice(1).replace("-", " ")}`;

/** Who learns from nobody is no student. */
export function studentTitle({ teacher, relatives }: Report): "Student" | "Model" {
  return teacher || relatives ? "Student" : "Model";
}

/** The batch sizes that any of the models was measured with, ascending. */
export function batchSizesOf(models: readonly ModelReport[]): readonly number[] {
  const sizes = models.flatMap((model) => Object.keys(model.latencyMs).map((key) => Number(key.replace("batch", ""))));
  return [...new Set(sizes)].sort((a, b) => a - b);
}

/** Teacher / student, of everything that a smaller model saves. Latency is NaN when no batch size was measured with both. */
export function reductionOf(teacher: ModelReport, student: ModelReport): Reduction {
  const latencies = batchSizesOf([teacher, student]).flatMap((size) => {
    const [slow, fast] = [teacher.latencyMs[`batch${size}`], student.latencyMs[`batch${size}`]];
    return slow && fast ? [slow.median / fast.median] : [];
  });
  return {
    parameters: teacher.parameters / student.parameters,
    flops: teacher.flops / student.flops,
    bytes: teacher.bytes / student.bytes,
    latency: latencies[0] ?? Number.NaN,
  };
}

/** Student's test accuracy / teacher's. */
export function retentionOf(teacher: ModelReport, student: ModelReport): number {
  return student.accuracy.lastEpoch / teacher.accuracy.lastEpoch;
}

/**
 * How much of the way from the baseline's accuracy to the teacher's the student went: 0 is none, 1 all of it, below 0 it went back.
 * Undefined without both, or where the teacher is no better than the baseline.
 */
export function gapClosed({ teacher, baseline, student }: Report): number | undefined {
  if (!teacher || !baseline) return undefined;
  const gap = teacher.accuracy.lastEpoch - baseline.accuracy.lastEpoch;
  return gap > 0 ? (student.accuracy.lastEpoch - baseline.accuracy.lastEpoch) / gap : undefined;
}

/**
 * The 95 % confidence interval of a count of errors among `samples` (E. B. Wilson, 1927, "Probable inference, the law of succession, and
 * statistical inference"): what another test set of the same size might have shown. Counts, within [0, samples].
 */
export function errorInterval(errors: number, samples: number): readonly [low: number, high: number] {
  const z2 = 1.959964 ** 2;
  const centre = (errors + z2 / 2) / (samples + z2);
  const half = (Math.sqrt(z2) / (samples + z2)) * Math.sqrt((errors * (samples - errors)) / samples + z2 / 4);
  return [Math.max(0, (centre - half) * samples), Math.min(samples, (centre + half) * samples)];
}

/** The share of the teacher's outputs that cost a run nothing but reading. Undefined without a cache, or where nothing was used. */
export function cacheHits({ teacherCache }: Report): number | undefined {
  if (!teacherCache || teacherCache.used === 0) return undefined;
  return Math.max(0, 1 - teacherCache.computed / teacherCache.used);
}

export interface Confusion {
  readonly label: number;
  readonly prediction: number;
  readonly count: number;
  /** Of the samples with this label. */
  readonly fraction: number;
}

/** What is taken for what, most frequent first; classes told apart without a mistake are left out. */
export function commonMistakes(confusion: Report["confusion"], limit: number): readonly Confusion[] {
  return confusion
    .flatMap((row, label) => {
      const samples = sum(row);
      return row.map((count, prediction) => ({ label, prediction, count, fraction: count / samples }));
    })
    .filter(({ label, prediction, count }) => label !== prediction && count > 0)
    .sort((a, b) => b.count - a.count)
    .slice(0, limit);
}

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** What a class is called: its number, where it has no name. */
export function nameOf(classes: readonly string[], index: number): string {
  return classes[index] ?? String(index);
}
