import { html, type Markup } from "./markup.ts";
import { linearTicks, logTicks } from "./ticks.ts";

/** A line, with a colour by name (see `--tone` in the style) and the same x for every line of a chart. */
export interface Series {
  readonly name: string;
  readonly tone: string;
  readonly dashed?: boolean;
  /** Points alone, without a line between them. */
  readonly dots?: boolean;
  /** One per x; NaN where there is none. */
  readonly values: readonly number[];
}

export interface LineChart {
  readonly title: string;
  /** What a reader must know to read the scale. */
  readonly note?: string;
  readonly xName: string;
  /** Ascending. */
  readonly x: readonly number[];
  readonly series: readonly Series[];
  readonly format: (value: number) => string;
  /** Of the labels of the scale, where it is not `format`. */
  readonly formatTick?: (value: number) => string;
  /** On "log", values must be positive; what is not is left out. */
  readonly scale: "linear" | "log";
  /** Draws small values at the top. */
  readonly inverted?: boolean;
  readonly wide?: boolean;
}

/** More hover readings than this make a page heavy and are too narrow to hit. */
const MAX_READINGS = 120;

/**
 * A line chart without a script: lines are SVG stretched to the space there is (strokes keep their width), text is HTML at percentages.
 * So it keeps its size on any screen, follows the page's colours, prints, and shows its readings by `:hover` alone.
 */
export function lineChart(chart: LineChart): Markup {
  const { x, series } = chart;
  const ticks = yTicks(chart);
  const toY = yPosition(chart, ticks);
  const [first, last] = [x[0] ?? 0, x.at(-1) ?? 0];
  const toX = (value: number): number => (last > first ? (100 * (value - first)) / (last - first) : 50);
  const summary = series.map(({ name, values }) => `${name} ends at ${chart.format(values.at(-1) ?? Number.NaN)}`).join("; ");
  const legend = html`<ul class="legend">${series.map((line) => html`<li>${keyed(line)}</li>`)}</ul>`;
  return html`<figure class="chart${chart.wide ? " wide" : ""}${x.length === 1 ? " points" : ""}">
<figcaption><h3>${chart.title}</h3>${series.length > 1 && legend}</figcaption>
<div class="plot" role="img" aria-label="${`${chart.title} by ${chart.xName}. ${summary}.`}">
<div class="y">${ticks.map((tick) => html`<span style="top:${fixed(toY(tick))}%">${(chart.formatTick ?? chart.format)(tick)}</span>`)}</div>
<div class="area"><svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">${[
    ticks.map((tick) => html`<path class="grid" d="M0 ${fixed(toY(tick))}H100"/>`),
    series.map(
      (line) =>
        html`<path class="line tone-${line.tone}${line.dashed ? " dashed" : ""}${line.dots ? " dots" : ""}" d="${linePath(x.map(toX), line.values.map(toY), line.dots)}"/>`,
    ),
  ]}</svg>${readings(chart, toX, toY)}</div>
<div class="x">${xTicks(first, last).map((tick) => html`<span style="left:${fixed(toX(tick))}%">${tick}</span>`)}</div>
</div>
<p class="note">${chart.xName}${chart.note && ` · ${chart.note}`}</p>
</figure>`;
}

/** A line's name after its look. */
function keyed({ name, tone, dashed }: Series): Markup {
  return html`<i class="key tone-${tone}${dashed ? " dashed" : ""}"></i>${name}`;
}

/** `M` starts a piece, a gap ends it; a lone point is a line of no length, which round caps make a dot. */
function linePath(xs: readonly number[], ys: readonly number[], dots = false): string {
  return xs
    .map((x, index) => {
      const y = ys[index] ?? Number.NaN;
      if (!Number.isFinite(y)) return "";
      const starts = dots || !Number.isFinite(ys[index - 1] ?? Number.NaN);
      return `${starts ? "M" : "L"}${fixed(x)} ${fixed(y)}${starts ? "h0" : ""}`;
    })
    .join("");
}

/** One invisible column per x; under the pointer it shows a rule, the points and their values. */
function readings(chart: LineChart, toX: (x: number) => number, toY: (y: number) => number): readonly Markup[] {
  const { x, series, format, xName } = chart;
  const every = Math.ceil(x.length / MAX_READINGS);
  const shown = x.flatMap((value, index) => (index % every === 0 || index === x.length - 1 ? [{ value, index }] : []));
  return shown.map(({ value, index }, position) => {
    const here = toX(value);
    const left = position === 0 ? 0 : (toX(shown[position - 1]?.value ?? value) + here) / 2;
    const right = position === shown.length - 1 ? 100 : (toX(shown[position + 1]?.value ?? value) + here) / 2;
    const points = series.flatMap((line) => {
      const y = line.values[index] ?? Number.NaN;
      return Number.isFinite(toY(y)) ? [{ ...line, y }] : [];
    });
    const dots = points.map(({ tone, y }) => html`<i class="dot tone-${tone}" style="top:${fixed(toY(y))}%"></i>`);
    const values = points.map((line) => html`<span>${keyed(line)}</span><span>${format(line.y)}</span>`);
    const reading = html`<div class="reading${here > 50 ? " leftward" : ""}"><b>${xName} ${value}</b>${values}</div>`;
    const rule = html`<div class="rule" style="left:${fixed((100 * (here - left)) / (right - left))}%">${dots}${reading}</div>`;
    return html`<div class="at" style="left:${fixed(left)}%;width:${fixed(right - left)}%">${rule}</div>`;
  });
}

/** From value to distance from the top, 0 to 100. */
function yPosition(chart: LineChart, ticks: readonly number[]): (value: number) => number {
  const along = chart.scale === "log" ? Math.log : (value: number): number => value;
  const all = [...finiteValues(chart), ...ticks].map(along);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  return (value) => {
    const up = (along(value) - low) / (high - low);
    return 100 * (chart.inverted ? up : 1 - up);
  };
}

function finiteValues({ series, scale }: LineChart): readonly number[] {
  return series.flatMap(({ values }) => values).filter((value) => Number.isFinite(value) && (scale === "linear" || value > 0));
}

/** A few round numbers, the outermost beyond the data. */
function yTicks(chart: LineChart): readonly number[] {
  const values = finiteValues(chart);
  if (values.length === 0) return [];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return chart.scale === "log" ? logTicks(low, high) : linearTicks(Math.min(0, low), high, 4);
}

function xTicks(first: number, last: number): readonly number[] {
  const inner = linearTicks(first, last, 5).filter((tick) => Number.isInteger(tick) && tick >= first && tick <= last);
  // The first epoch is 1, which no round step meets; it is shown unless a round number stands too close.
  const crowded = inner.some((tick) => tick !== first && tick - first < (last - first) / 12);
  return [...new Set(crowded ? inner : [first, ...inner])];
}

function fixed(value: number): string {
  return String(Number(value.toFixed(2)));
}
