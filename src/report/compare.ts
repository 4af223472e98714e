import type { NumberFormat } from "../measure/energy.ts";
import type { SpreadSummary } from "../measure/latency.ts";
import type { Scores } from "../measure/scores.ts";
import {
  ABSENT,
  formatBytes,
  formatCount,
  formatInteger,
  formatJoules,
  formatMilliseconds,
  formatPercent,
  formatScalar,
} from "./format.ts";
import type { Machine } from "./report.ts";

/** Models side by side: the plain data that `limbeck compare --json` prints. */
export interface Comparison {
  /** The name of the model that others agree with or not. */
  readonly reference: string;
  /** Absent where nothing was tested. */
  readonly data?: { readonly location: string; readonly split: string; readonly samples: number };
  /** Samples at once, beside one alone. */
  readonly batch: number;
  readonly energy: EnergySource;
  readonly machine: Machine;
  readonly versions: { readonly limbeck: string; readonly onnxruntime: string; readonly node: string };
  /** In the order in which they were given, the reference first where it is none of these. */
  readonly models: readonly ComparedModel[];
}

/** Where the joules come from. */
export type EnergySource =
  | { readonly kind: "rapl"; readonly domains: readonly string[] }
  /** `estimateEnergy`, and why nothing was counted. */
  | { readonly kind: "estimate"; readonly because: string };

/** How many threads the runtime was given. */
export type Threads = number | "all";

export interface ComparedModel {
  /** Its file's name, with as many folders before it as tell it from the others. */
  readonly name: string;
  readonly path: string;
  readonly inputs: string;
  readonly format: NumberFormat;
  /** Size of the ONNX file, with weights that lie beside it. */
  readonly bytes: number;
  /** Absent where the graph has what can't be counted; `notes` say what. */
  readonly parameters?: number;
  readonly flops?: number;
  /** On the data. */
  readonly scores?: Scores;
  /** Fraction of samples to which the reference gives the same class. */
  readonly agreement?: number;
  readonly latencies: readonly ComparedLatency[];
  /** Of a process that loads and runs it, beyond what the runtime takes, batch 1. Absent where that process failed. */
  readonly peakMemoryBytes?: number;
  /** Per sample, at batch 1. */
  readonly joules?: number;
  /** Whether no other model is as accurate at the same cost or less, by cost. Absent without data. */
  readonly front?: Readonly<Record<Cost, boolean>>;
  readonly notes: readonly string[];
}

/** Milliseconds for a whole batch. A model that takes batches of one size alone is timed with that. */
export interface ComparedLatency extends SpreadSummary {
  readonly batch: number;
  readonly threads: Threads;
}

/** What accuracy is weighed against. */
export const costs = ["latency", "parameters", "energy"] as const;
export type Cost = (typeof costs)[number];

/** NaN where it wasn't measured; the latency is that of one sample on one thread. */
export function costOf(model: ComparedModel, cost: Cost): number {
  const { parameters, joules } = model;
  return { latency: latencyAt(model, 1, 1)?.median, parameters, energy: joules }[cost] ?? Number.NaN;
}

export function latencyAt({ latencies }: ComparedModel, batch: number, threads: Threads): ComparedLatency | undefined {
  return latencies.find((latency) => latency.batch === batch && latency.threads === threads);
}

/** Every batch and number of threads that a model was timed with, small batches first. */
export function timings({ models }: Comparison): readonly Pick<ComparedLatency, "batch" | "threads">[] {
  const all = models.flatMap(({ latencies }) => latencies);
  const unique = all.filter(
    ({ batch, threads }, place) => all.findIndex((one) => one.batch === batch && one.threads === threads) === place,
  );
  return unique.toSorted((a, b) => a.batch - b.batch || Number(b.threads === 1) - Number(a.threads === 1));
}

/** One line: a text for each model, and whether it is on the Pareto front of this cost. */
export interface ComparedMetric {
  readonly label: string;
  readonly values: readonly string[];
  readonly front?: readonly boolean[];
}

/** Everything measured of each model, in groups. Lines that no model has a value for are left out. */
export function comparedMetrics(comparison: Comparison): readonly (readonly ComparedMetric[])[] {
  const { models, reference, energy } = comparison;
  const metric = (
    label: string,
    format: (value: number) => string,
    read: (model: ComparedModel) => number | undefined,
    cost?: Cost,
  ): ComparedMetric => ({
    label,
    values: models.map((model) => format(read(model) ?? Number.NaN)),
    front: cost && models.map(({ front }) => front?.[cost] ?? false),
  });
  const score = (label: string, format: (value: number) => string, read: (scores: Scores) => number | undefined): ComparedMetric =>
    metric(label, format, ({ scores }) => scores && read(scores));
  const groups = [
    [
      score("Accuracy", formatPercent, ({ accuracy }) => accuracy),
      score("Top-5 accuracy", formatPercent, ({ topFive }) => topFive),
      metric(`Agreement with ${reference}`, formatPercent, ({ agreement }) => agreement),
      score("Cross-entropy, nats", formatScalar, ({ crossEntropy }) => crossEntropy),
      score("Calibration error", formatPercent, ({ calibrationError }) => calibrationError),
    ],
    [
      metric("Parameters", formatCount, ({ parameters }) => parameters, "parameters"),
      metric("FLOPs per sample", formatCount, ({ flops }) => flops),
      metric("ONNX file", formatBytes, ({ bytes }) => bytes),
      metric("Peak memory, batch 1", formatBytes, ({ peakMemoryBytes }) => peakMemoryBytes),
    ],
    timings(comparison).map(({ batch, threads }) => ({
      label: `Latency, batch ${batch}, ${threadsText(threads)}`,
      values: models.map((model) => latencyText(latencyAt(model, batch, threads))),
      front: batch === 1 && threads === 1 ? models.map(({ front }) => front?.latency ?? false) : undefined,
    })),
    [
      metric("Samples per second, at best", formatInteger, ({ latencies }) =>
        Math.max(...latencies.map(({ batch, median }) => (1000 * batch) / median)),
      ),
      metric(energy.kind === "rapl" ? "Energy per sample" : "Energy per sample, estimated", formatJoules, ({ joules }) => joules, "energy"),
    ],
  ];
  return groups.map((group) => group.filter(({ values }) => values.some((value) => value !== ABSENT))).filter((group) => group.length > 0);
}

export const threadsText = (threads: Threads): string => (threads === 1 ? "1 thread" : `${threads} threads`);

/** `12.3 ms ± 0.2`: the median, and half of what lies between the quartiles. */
function latencyText(latency: ComparedLatency | undefined): string {
  if (!latency) return ABSENT;
  const [low, high] = latency.quartiles;
  const [number = "", unit] = formatMilliseconds(latency.median).split(" ");
  const digits = (number.split(".")[1] ?? "").length;
  const scale = { µs: 1000, ms: 1, s: 0.001 }[unit ?? "ms"] ?? 1;
  return `${number} ± ${((scale * (high - low)) / 2).toFixed(digits)} ${unit}`;
}

/** What a reader must know of the numbers, as sentences. */
export function comparisonNotes({ models, energy, data }: Comparison): readonly string[] {
  const unmeasured = models.filter(({ peakMemoryBytes }) => peakMemoryBytes === undefined).map(({ name }) => name);
  return [
    "Latency: the median of runs on random inputs, the models timed in turns; ± half of what lies between the quartiles.",
    "Peak memory: of a process of its own that loads and runs the model, less what it had with the runtime alone.",
    energy.kind === "rapl"
      ? `Energy: counted by the processor (RAPL: ${energy.domains.join(", ")}) while the model ran at batch 1 on all threads; idle power and other programs are in it.`
      : `Energy: not measured, since ${energy.because}; estimated from the operations and bytes of one sample at published costs (docs/evaluate.md). It serves to compare models; a processor draws many times as much.`,
    ...(data
      ? [
          "* on the Pareto front of accuracy and this cost: every model that is as accurate costs more, and every one that costs less is less accurate.",
        ]
      : []),
    ...unmeasured.map((name) => `The process that was to measure the memory of ${name} failed.`),
    ...models.flatMap(({ name, notes }) => notes.map((note) => `${name}: ${note}`)),
  ];
}
