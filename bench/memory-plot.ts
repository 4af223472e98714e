import { html, toHtml } from "../src/report/markup.ts";
import { linearTicks } from "../src/report/ticks.ts";

/** What a process held at a time. */
export interface MemoryReading {
  readonly seconds: number;
  readonly megabytes: number;
}

const [WIDTH, HEIGHT] = [720, 320];
const [LEFT, RIGHT, TOP, BOTTOM] = [64, WIDTH - 24, 28, HEIGHT - 52];

/** Memory over time, as an SVG picture with a background of its own. @param began When training did. */
export function memoryPlot(readings: readonly MemoryReading[], began: number): string {
  const x = linear(
    readings.map(({ seconds }) => seconds),
    LEFT,
    RIGHT,
  );
  const y = linear(
    readings.map(({ megabytes }) => megabytes),
    BOTTOM,
    TOP,
  );
  const points = readings.map(({ seconds, megabytes }) => [x.at(seconds), y.at(megabytes)].join());
  const picture = html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Memory of a run that streams its images">
<style>svg { font: 13px system-ui, sans-serif } path { stroke: #e5e7eb } text { fill: #374151 }</style>
<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
${x.ticks.map((tick) => html`<path d="M${x.at(tick)} ${TOP}V${BOTTOM}"/>${text(x.at(tick), BOTTOM + 18, "middle", tick)}`)}
${y.ticks.map((tick) => html`<path d="M${LEFT} ${y.at(tick)}H${RIGHT}"/>${text(LEFT - 8, y.at(tick) + 4, "end", tick)}`)}
<path d="M${x.at(began)} ${TOP}V${BOTTOM}" style="stroke:#9ca3af" stroke-dasharray="4"/>${text(x.at(began) + 6, BOTTOM - 8, "start", "training begins")}
<polyline fill="none" stroke="#2563eb" stroke-width="2" points="${points.join(" ")}"/>
${text(LEFT, 16, "start", "MB that the process holds")}${text((LEFT + RIGHT) / 2, HEIGHT - 12, "middle", "seconds")}
</svg>`;
  return `${toHtml(picture)}\n`;
}

const text = (x: number, y: number, anchor: string, content: string | number) =>
  html`<text x="${x}" y="${y}" text-anchor="${anchor}">${content}</text>`;

/** From 0 or a value to a place between `from` and `to`, and round values on the way. */
function linear(
  values: readonly number[],
  from: number,
  to: number,
): { readonly at: (value: number) => number; readonly ticks: readonly number[] } {
  const ticks = linearTicks(0, Math.max(...values), 6);
  const last = ticks.at(-1) ?? 1;
  return { at: (value) => Number((from + ((to - from) * value) / last).toFixed(1)), ticks };
}
