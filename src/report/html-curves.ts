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
  const terms = lossNames(student);
  /** One line for each term, in its own colour. */
  const byTerm = (names: readonly string[], read: (record: EpochRecord, name: string) => number | undefined): readonly Series[] =>
    names.map((name) => {
      const index = terms.indexOf(name);
      return { name, tone: `term-${index % 5}`, dashed: index >= 5, values: curve(student, (record) => read(record, name)) };
    });
  const charts = [
    ...(report.classes.length > 0 ? [accuracyChart(report, x, curve)] : []),
    termChart(
      `Loss terms of the ${learner.toLowerCase()}`,
      x,
      byTerm(terms, ({ losses }, name) => losses[name]),
    ),
    shareChart(
      x,
      byTerm(terms, ({ gradientShares }, name) => gradientShares?.[name]),
    ),
    termChart("Validation loss", x, [
      { name: learner, tone: "student", values: curve(student, ({ validationLoss }) => validationLoss) },
      { name: "Baseline", tone: "baseline", values: curve(baseline, ({ validationLoss }) => validationLoss) },
    ]),
    scheduleChart(
      "Learning rate",
      x,
      curve(student, ({ learningRate }) => learningRate),
    ),
    changingScalars(student).map(([number, losses]) =>
      termChart(
        losses.length === 1 ? titleOf(number, losses[0]) : titleOf(number),
        x,
        byTerm(losses, ({ scalars }, loss) => scalars?.[`${number}:${loss}`]),
      ),
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
  const training = (record: EpochRecord): number => 1 - (record.trainAccuracy ?? Number.NaN);
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
function termChart(title: string, x: readonly number[], terms: readonly Series[]): Markup | undefined {
  const series = present(terms);
  const values = series.flatMap((line) => line.values).filter(Number.isFinite);
  const low = Math.min(...values);
  const scale = low > 0 && Math.max(...values) > 20 * low ? "log" : "linear";
  const note = scale === "log" && "logarithmic";
  return series.length > 0
    ? lineChart({ title, xName: "Epoch", x, series, format: formatScalar, scale, note: note || undefined })
    : undefined;
}

function shareChart(x: readonly number[], terms: readonly Series[]): Markup | undefined {
  const series = present(terms);
  if (series.length === 0) return undefined;
  const note = "at its last step";
  return lineChart({
    title: "Share of the gradient",
    xName: "Epoch",
    x,
    series,
    format: (share) => formatPercent(share, 1),
    formatTick: (share) => formatPercent(share, 0),
    scale: "linear",
    note,
  });
}

/** The numbers of losses that change over a run, such as temperatures, with the losses that have them. */
function changingScalars(records: readonly EpochRecord[]): readonly (readonly [number: string, losses: readonly string[]])[] {
  const names = [...new Set(records.flatMap(({ scalars = {} }) => Object.keys(scalars)))];
  const changing = names.filter((name) => new Set(records.map(({ scalars }) => scalars?.[name])).size > 1);
  const byNumber = new Map<string, string[]>();
  for (const name of changing) {
    const [number, loss] = [name.slice(0, name.indexOf(":")), name.slice(name.indexOf(":") + 1)];
    byNumber.set(number, [...(byNumber.get(number) ?? []), loss]);
  }
  return [...byNumber];
}

const titleOf = (number: string, loss?: string): string =>
  `${number.slice(0, 1).toUpperCase()}${number.slice(1)}${loss === undefined ? "" : ` of ${loss}`}`;

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
    ...changingScalars(records).flatMap(([number, losses]) =>
      losses.map(
        (loss): Column => ({ name: titleOf(number, loss), read: ({ scalars }) => scalars?.[`${number}:${loss}`], format: formatScalar }),
      ),
    ),
    ...lossNames(records).map((name): Column => ({ name, read: ({ losses }) => losses[name], format: formatScalar })),
    ...lossNames(records).map(
      (name): Column => ({ name: `Share of ${name}`, read: ({ gradientShares }) => gradientShares?.[name], format: percent }),
    ),
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
