import {
  ABSENT,
  formatBytes,
  formatCorrelation,
  formatCount,
  formatInteger,
  formatMilliseconds,
  formatPercent,
  formatRatio,
} from "./format.ts";
import { batchSizesOf, type ModelReport, modelsOf, type Report } from "./report.ts";

/** One line of the comparison, as text. */
export interface Metric {
  readonly label: string;
  /** Says more about the line above. */
  readonly detail?: boolean;
  /** One per model, in the order of `modelsOf`. */
  readonly values: readonly string[];
  /** Teacher / student. */
  readonly ratio?: string;
}

export interface MetricGroup {
  readonly title: string;
  readonly metrics: readonly Metric[];
}

/** Everything measured of each model. Lines that no model has a value for are left out. */
export function metricGroups(report: Report): readonly MetricGroup[] {
  const models = modelsOf(report).map(({ model }) => model);
  const metric = (
    label: string,
    format: (value: number) => string,
    read: (model: ModelReport) => number | undefined,
    ratio?: number,
  ): Metric => ({
    label,
    values: models.map((model) => format(read(model) ?? Number.NaN)),
    ratio: ratio === undefined ? undefined : formatRatio(ratio),
  });
  const { reduction } = report;
  const groups: readonly MetricGroup[] = [
    {
      title: "Accuracy",
      metrics: [
        metric("Test accuracy", formatPercent, ({ accuracy }) => accuracy.lastEpoch),
        metric("F1 of the second class", formatPercent, ({ scores }) => scores?.binary?.f1),
        metric("Matthews' correlation", formatCorrelation, ({ scores }) => scores?.binary?.matthews),
        metric("Similarities as the teacher's", formatCorrelation, ({ similarity }) => similarity),
        metric(`Errors of ${formatInteger(report.student.testSamples)}`, formatInteger, ({ errors }) => errors),
        metric("Validation accuracy", formatPercent, ({ accuracy }) => accuracy.validation),
        metric("Best epoch", formatInteger, ({ accuracy }) => accuracy.bestEpoch),
        { ...metric("its test accuracy", formatPercent, ({ accuracy }) => accuracy.bestOnValidation), detail: true },
      ],
    },
    {
      title: "Size",
      metrics: [
        metric("Parameters", formatCount, ({ parameters }) => parameters, reduction?.parameters),
        metric("FLOPs per sample", formatCount, ({ flops }) => flops, reduction?.flops),
        metric("ONNX file", formatBytes, ({ bytes }) => bytes, reduction?.bytes),
      ],
    },
    {
      title: "Latency",
      metrics: batchSizesOf(models).flatMap((size) => {
        const at = (model: ModelReport) => model.latencyMs[`batch${size}`];
        const ratio = report.teacher && (at(report.teacher)?.median ?? Number.NaN) / (at(report.student)?.median ?? Number.NaN);
        return [
          metric(`Latency, batch ${size}`, formatMilliseconds, (model) => at(model)?.median, ratio),
          { ...metric("95th percentile", formatMilliseconds, (model) => at(model)?.p95), detail: true },
        ];
      }),
    },
  ];
  return groups
    .map((group) => ({ ...group, metrics: group.metrics.filter(({ values }) => values.some((value) => value !== ABSENT)) }))
    .filter(({ metrics }) => metrics.length > 0);
}
