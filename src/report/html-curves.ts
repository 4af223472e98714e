import { formatInteger, formatPercent, formatScalar } from "./format.ts";
import { type Series, lineChart } from "./line-chart.ts";
import { html, type Markup } from "./markup.ts";
import type { EpochRecord, Report } from "./report.ts";

/** How training went: accuracy, losses, schedules, and the numbers behind them. */
export function trainingCurves(report: Report): Markup | undefined {
  const { student, baseline = [] } = report.curves;
  if (student.length === 0) return undefined;
  const x = [...new Set([...student, ...baseline].map(({ epoch }) => epoch))].sort((a, b) => a - b);
  /** The curve of one quantity, on the x of all charts. */
  const curve = (records: readonly EpochRecord[], read: (record: EpochRecord) => number | undefined): readonly number[] => {
    const byEpoch = new Map(records.map((record) => [record.epoch, read(record) ?? Number.NaN]));
    return x.map((epoch) => byEpoch.get(epoch) ?? Number.NaN);
  };
  const common = { xName: "Epoch", x } as const;
  const validationLoss = present([
    { name: "Student", tone: "student", values: curve(student, (record) => record.validationLoss) },
    { name: "Baseline", tone: "baseline", values: curve(baseline, (record) => record.validationLoss) },
  ]);
  const temperature = present([{ name: "Temperature", tone: "term-3", values: curve(student, (record) => record.temperature) }]);
  const terms = lossNames(student).map((name, index) => ({
    name, tone: `term-${index % 5}`, dashed: index >= 5, values: curve(student, ({ losses }) => losses[name]),
  }));
  return html`<section aria-labelledby="training"><h2 id="training">Training</h2>
<div class="charts">
${accuracyChart(report, x, curve)}
${terms.length > 0 && lineChart({ ...common, title: "Loss terms of the student", series: terms, format: formatScalar, scale: lossScale(terms), note: scaleNote(terms) })}
${validationLoss.length > 0 && lineChart({
    ...common, title: "Validation loss", series: validationLoss, format: formatScalar, scale: lossScale(validationLoss), note: scaleNote(validationLoss),
  })}
${lineChart({
    ...common, title: "Learning rate", format: formatScalar, scale: "linear",
    series: [{ name: "Learning rate", tone: "term-1", values: curve(student, ({ learningRate }) => learningRate) }],
  })}
${temperature.length > 0 && lineChart({ ...common, title: "Temperature", series: temperature, format: formatScalar, scale: "linear" })}
</div>
${epochTable("The student, epoch by epoch", student)}
${baseline.length > 0 && epochTable("The baseline, epoch by epoch", baseline)}
</section>`;
}

/** Drawn by the logarithm of the error: on a scale of accuracies, everything after the first epochs would be one flat line. */
function accuracyChart(
  { curves, teacher }: Report, x: readonly number[], curve: (records: readonly EpochRecord[], read: (record: EpochRecord) => number) => readonly number[],
): Markup {
  const { student, baseline = [] } = curves;
  const validation = (record: EpochRecord): number => 1 - record.validationAccuracy;
  const training = (record: EpochRecord): number => 1 - record.trainAccuracy;
  const teacherError = 1 - (teacher?.accuracy.validation ?? Number.NaN);
  const series = present([
    { name: "Student, validation", tone: "student", values: curve(student, validation) },
    { name: "Student, training", tone: "student", dashed: true, values: curve(student, training) },
    { name: "Baseline, validation", tone: "baseline", values: curve(baseline, validation) },
    { name: "Baseline, training", tone: "baseline", dashed: true, values: curve(baseline, training) },
    { name: "Teacher, validation", tone: "teacher", values: x.map(() => teacherError) },
  ]);
  const positive = series.flatMap(({ values }) => values).filter((value) => value > 0);
  const floor = positive.length > 0 ? Math.min(...positive) / 2 : 0.001; // where an accuracy of 100 % is drawn
  return lineChart({
    title: "Accuracy", xName: "Epoch", x, scale: "log", inverted: true, wide: true,
    series: series.map((line) => ({ ...line, values: line.values.map((value) => (Number.isNaN(value) ? value : Math.max(value, floor))) })),
    format: (error) => (error <= floor && positive.length < x.length * series.length && error < Math.min(...positive) ? "100 %" : formatAccuracy(error)),
    note: "logarithmic in the error: each step up makes proportionally fewer mistakes",
  });
}

/** As many decimals as tell 99.8 from 99.9. */
function formatAccuracy(error: number): string {
  return formatPercent(1 - error, error < 0.001 ? 3 : error < 0.1 ? 2 : 1).replace(/\.0+ %$/, " %");
}

function present(series: readonly Series[]): readonly Series[] {
  return series.filter(({ values }) => values.some(Number.isFinite));
}

function lossNames(records: readonly EpochRecord[]): readonly string[] {
  return [...new Set(records.flatMap(({ losses }) => Object.keys(losses)))];
}

/** Logarithmic where terms lie so far apart that the small ones would look like zero. */
function lossScale(series: readonly Series[]): "linear" | "log" {
  const values = series.flatMap((line) => line.values).filter(Number.isFinite);
  return Math.min(...values) > 0 && Math.max(...values) > 20 * Math.min(...values) ? "log" : "linear";
}

function scaleNote(series: readonly Series[]): string | undefined {
  return lossScale(series) === "log" ? "logarithmic" : undefined;
}

function epochTable(title: string, records: readonly EpochRecord[]): Markup {
  const names = lossNames(records);
  const percent = (value: number): string => formatPercent(value);
  const columns: readonly (readonly [name: string, read: (record: EpochRecord) => number | undefined, format: (value: number) => string])[] = [
    ["Learning rate", ({ learningRate }) => learningRate, formatScalar],
    ["Temperature", ({ temperature }) => temperature, formatScalar],
    ...names.map((name) => [name, ({ losses }: EpochRecord) => losses[name], formatScalar] as const),
    ["Training accuracy", ({ trainAccuracy }) => trainAccuracy, percent],
    ["Validation accuracy", ({ validationAccuracy }) => validationAccuracy, percent],
    ["Validation loss", ({ validationLoss }) => validationLoss, formatScalar],
    ["Samples/s", ({ samplesPerSecond }) => samplesPerSecond, formatInteger],
  ];
  const shown = columns.filter(([, read]) => records.some((record) => read(record) !== undefined));
  return html`<details><summary>${title}</summary><div class="scroll" tabindex="0" role="region" aria-label="${title}"><table class="epochs">
<thead><tr><th scope="col">Epoch</th>${shown.map(([name]) => html`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>${records.map((record) => html`<tr><th scope="row">${record.epoch}</th>${shown.map(([, read, format]) => html`<td>${format(read(record) ?? Number.NaN)}</td>`)}</tr>
`)}</tbody></table></div></details>`;
}
