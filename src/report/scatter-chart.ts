import { html, type Markup } from "./markup.ts";
import { linearTicks, logTicks } from "./ticks.ts";

export interface ScatterPoint {
  readonly name: string;
  readonly x: number;
  readonly y: number;
  /** Whether it is joined with others, in a colour of its own. */
  readonly isJoined: boolean;
}

export interface ScatterChart {
  readonly title: string;
  readonly xName: string;
  readonly yName: string;
  /** All x above 0: their scale is logarithmic. */
  readonly points: readonly ScatterPoint[];
  readonly formatX: (x: number) => string;
  readonly formatY: (y: number) => string;
  readonly note: string;
}

/** Points with their names; those that are joined, by a line from left to right. Drawn as `lineChart` is, without a script. */
export function scatterChart({ title, xName, yName, points, formatX, formatY, note }: ScatterChart): Markup {
  const xs = points.map(({ x }) => x);
  const ys = points.map(({ y }) => y);
  const xTicks = logTicks(Math.min(...xs), Math.max(...xs));
  const yTicks = linearTicks(Math.min(...ys), Math.max(...ys), 4);
  const toX = position(xTicks, xs, Math.log);
  const toY = (y: number): number => 100 - position(yTicks, ys, (value) => value)(y);
  const joined = points.filter(({ isJoined }) => isJoined).sort((a, b) => a.x - b.x);
  const line = joined.map(({ x, y }, index) => `${index === 0 ? "M" : "L"}${fixed(toX(x))} ${fixed(toY(y))}`).join("");
  const summary = points
    .map(({ name, x, y, isJoined }) => `${name}: ${formatX(x)}, ${formatY(y)}${isJoined ? ", on the front" : ""}`)
    .join("; ");
  const dot = ({ name, x, y, isJoined }: ScatterPoint, index: number): Markup => {
    const isBelow = points.some(
      (other, place) => place < index && Math.abs(toX(other.x) - toX(x)) < 20 && Math.abs(toY(other.y) - toY(y)) < 6,
    );
    const edge = toX(x) < 6 ? " leftmost" : toX(x) > 94 ? " rightmost" : "";
    const side = `${edge}${isBelow ? " below" : ""}`;
    const title = `${name}: ${formatX(x)}, ${formatY(y)}`;
    const place = `left:${fixed(toX(x))}%;top:${fixed(toY(y))}%`;
    return html`<div class="point${isJoined ? " front" : ""}${side} tone-${isJoined ? "student" : "teacher"}" style="${place}" title="${title}"><span>${name}</span></div>`;
  };
  return html`<figure class="chart wide scatter">
<figcaption><h3>${title}</h3></figcaption>
<div class="plot" role="img" aria-label="${`${title}. ${summary}.`}">
<div class="y">${yTicks.map((tick) => html`<span style="top:${fixed(toY(tick))}%">${formatY(tick)}</span>`)}</div>
<div class="area"><svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">${[
    yTicks.map((tick) => html`<path class="grid" d="M0 ${fixed(toY(tick))}H100"/>`),
    xTicks.map((tick) => html`<path class="grid" d="M${fixed(toX(tick))} 0V100"/>`),
    joined.length > 1 && html`<path class="line tone-student" d="${line}"/>`,
  ]}</svg>${points.map(dot)}</div>
<div class="x">${xTicks.map((tick) => html`<span style="left:${fixed(toX(tick))}%">${formatX(tick)}</span>`)}</div>
</div>
<p class="note">${yName} by ${xName} · ${note}</p>
</figure>`;
}

/** From a number to its place between the outermost ticks, 0 to 100. */
function position(ticks: readonly number[], values: readonly number[], along: (value: number) => number): (value: number) => number {
  const all = [...ticks, ...values].map(along);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  return (value) => (high > low ? (100 * (along(value) - low)) / (high - low) : 50);
}

const fixed = (value: number): string => String(Number(value.toFixed(2)));
