import { formatInteger, formatPercent, formatScalar } from "./format.ts";
import { lineChart, type Series } from "./line-chart.ts";
import { html, type Markup } from "./markup.ts";
import { type EpochRecord, type Report, studentTitle } from "./report.ts";

/** How training went: accuracy, losses, schedules, and the numbers behind them. */
export function trainingCurves(report: Report): Markup | undefined {
  const { student, baseline = [] } = report.curves;
  if (student.length === 0) return undefined;
  const learner = studentTitle(report);
  const x = [...new Set([...student, ...baseline].map(({ epoch }) => epoch))].sort((a, b) => a - b);
  /** The curve of one quantity, on the x of all charts. */
  const curve = (records: readonly EpochRecord[], read: (record: EpochRecord) => number | undefined): readonly number[] => {
    const byEpoch = new Map(records.map((record) => [record.epoch, read(record) ?? Number.NaN]));
    return x.map((epoch) => byEpoch.get(epoch) ?? Number.NaN);
  };
  const charts = [
    accuracyChart(report, x, curve),
    lossChart(
      `Loss terms of the ${learner.toLowerCase()}`,
      x,
      lossNames(student).map((name, index) => ({
        name,
        tone: `term-${index % 5}`,
        dashed: index >= 5,
        values: curve(student, ({ losses }) => losses[name]),
      })),
    ),
    lossChart("Validation loss", x, [
      { name: learner, tone: "student", values: curve(student, ({ validationLoss }) => validationLoss) },
      { name: "Baseline", tone: "baseline", values: curve(baseline, ({ validationLoss }) => validationLoss) },
    ]),
    scheduleChart(
      "Learning rate",
      x,
      curve(student, ({ learningRate }) => learningRate),
    ),
    scheduleChart(
      "Temperature",
      x,
      curve(student, ({ temperature }) => temperature),
    ),
  ];
  return html`<section aria-labelledby="training"><h2 id="training">Training</h2>
<div class="charts">${charts}</div>
${epochTable(`The ${learner.toLowerCase()}, epoch by epoch`, student)}
${baseline.length > 0 && epochTable("The baseline, epoch by epoch", baseline)}
</section>`;
}

/** Drawn by the logarithm of the error: on a scale of accuracies, everything after the first epochs would be one flat line. */
function accuracyChart(
  report: Report,
  x: readonly number[],
  curve: (records: readonly EpochRecord[], read: (record: EpochRecord) => number) => readonly number[],
): Markup {
  const { student, baseline = [] } = report.curves;
  const learner = studentTitle(report);
  const validation = (record: EpochRecord): number => 1 - (record.validationAccuracy ?? Number.NaN);
  const training = (record: EpochRecord): number => 1 - record.trainAccuracy;
  const teacherError = 1 - (report.teacher?.accuracy.validation ?? Number.NaN);
  const series = present([
    { name: `${learner}, validation`, tone: "student", values: curve(student, validation) },
    { name: `${learner}, training`, tone: "student", dashed: true, values: curve(student, training) },
    { name: "Baseline, validation", tone: "baseline", values: curve(baseline, validation) },
    { name: "Baseline, training", tone: "baseline", dashed: true, values: curve(baseline, training) },
    { name: "Teacher, validation", tone: "teacher", values: x.map(() => teacherError) },
  ]);
  // An error of zero has no place on the scale: it is drawn at half of the smallest other, and reads 100 %.
  const perfect = Math.min(0.1, ...series.flatMap(({ values }) => values).filter((value) => value > 0)) / 2;
  return lineChart({
    title: "Accuracy",
    xName: "Epoch",
    x,
    scale: "log",
    inverted: true,
    wide: true,
    series: series.map((line) => ({ ...line, values: line.values.map((value) => (value <= 0 ? perfect : value)) })),
    format: (error) => (error === perfect ? "100 %" : formatPercent(1 - error)),
    formatTick: (error) => formatPercent(1 - error, 4).replace(/\.?0+ %$/, " %"),
    note: "logarithmic in the error: each step up makes proportionally fewer mistakes",
  });
}

function present(series: readonly Series[]): readonly Series[] {
  return series.filter(({ values }) => values.some(Number.isFinite));
}

function lossNames(records: readonly EpochRecord[]): readonly string[] {
  return [...new Set(records.flatMap(({ losses }) => Object.keys(losses)))];
}

/** Logarithmic where terms lie so far apart that the small ones would look like zero. */
function lossChart(title: string, x: readonly number[], terms: readonly Series[]): Markup | undefined {
  const series = present(terms);
  const values = series.flatMap((line) => line.values).filter(Number.isFinite);
  const low = Math.min(...values);
  const scale = low > 0 && Math.max(...values) > 20 * low ? "log" : "linear";
  const note = scale === "log" && "logarithmic";
  return series.length > 0
    ? lineChart({ title, xName: "Epoch", x, series, format: formatScalar, scale, note: note || undefined })
    : undefined;
}

function scheduleChart(title: string, x: readonly number[], values: readonly number[]): Markup | undefined {
  const series = present([{ name: title, tone: "plain", values }]);
  return series.length > 0 ? lineChart({ title, xName: "Epoch", x, series, format: formatScalar, scale: "linear" }) : undefined;
}

interface Column {
  readonly name: string;
  readonly read: (record: EpochRecord) => number | undefined;
  readonly format: (value: number) => string;
}

/** The charts in numbers: exact, and legible without seeing. */
function epochTable(title: string, records: readonly EpochRecord[]): Markup {
  const percent = (value: number): string => formatPercent(value);
  const columns: readonly Column[] = [
    { name: "Learning rate", read: ({ learningRate }) => learningRate, format: formatScalar },
    { name: "Temperature", read: ({ temperature }) => temperature, format: formatScalar },
    ...lossNames(records).map((name): Column => ({ name, read: ({ losses }) => losses[name], format: formatScalar })),
    { name: "Training accuracy", read: ({ trainAccuracy }) => trainAccuracy, format: percent },
    { name: "Validation accuracy", read: ({ validationAccuracy }) => validationAccuracy, format: percent },
    { name: "Validation loss", read: ({ validationLoss }) => validationLoss, format: formatScalar },
    { name: "Samples/s", read: ({ samplesPerSecond }) => samplesPerSecond, format: formatInteger },
  ];
  const shown = columns.filter(({ read }) => records.some((record) => read(record) !== undefined));
  const row = (record: EpochRecord): Markup => {
    const cells = shown.map(({ read, format }) => html`<td>${format(read(record) ?? Number.NaN)}</td>`);
    return html`<tr><th scope="row">${record.epoch}</th>${cells}</tr>
`;
  };
  return html`<details><summary>${title}</summary>
<div class="scroll" tabindex="0" role="region" aria-label="${title}"><table class="epochs">
<thead><tr><th scope="col">Epoch</th>${shown.map(({ name }) => html`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>${records.map(row)}</tbody></table></div></details>`;
}
