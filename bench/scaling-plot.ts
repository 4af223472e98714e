import { html, type Markup, toHtml } from "../src/report/markup.ts";

/** Sizes of one network that grows in one way. */
export interface ScalingSeries {
  readonly name: string;
  /** The power of the work that the time grows as. */
  readonly exponent: number;
  /** Ascending. */
  readonly points: readonly { readonly label: string; readonly flops: number; readonly ms: number }[];
}

const [WIDTH, HEIGHT] = [720, 440];
const [LEFT, RIGHT, TOP, BOTTOM] = [64, WIDTH - 150, 28, HEIGHT - 52];
const COLOURS = ["#2563eb", "#c2410c", "#15803d"];

/** Time of a step against its work, both on logarithmic scales, as an SVG picture with a background of its own. */
export function scalingPlot(series: readonly ScalingSeries[]): string {
  const points = series.flatMap(({ points }) => points);
  const x = logarithmic(
    points.map(({ flops }) => flops / 1e9),
    LEFT,
    RIGHT,
  );
  const y = logarithmic(
    points.map(({ ms }) => ms),
    BOTTOM,
    TOP,
  );
  const label = "Time of a training step against its work";
  const picture = html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${label}">
<style>svg { font: 13px system-ui, sans-serif } path { stroke: #e5e7eb } text { fill: #374151 }</style>
<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
${x.ticks.map((tick) => html`<path d="M${x.at(tick)} ${TOP}V${BOTTOM}"/>${text(x.at(tick), BOTTOM + 18, "middle", tick)}`)}
${y.ticks.map((tick) => html`<path d="M${LEFT} ${y.at(tick)}H${RIGHT}"/>${text(LEFT - 8, y.at(tick) + 4, "end", tick)}`)}
${separated(series, y.at).map(({ labelY, ...line }, index) => drawn(line, labelY, COLOURS[index] as string, x.at, y.at))}
${text(LEFT, 16, "start", "milliseconds per step")}${text((LEFT + RIGHT) / 2, HEIGHT - 12, "middle", "GFLOP per step")}
</svg>`;
  return `${toHtml(picture)}\n`;
}

type Scale = (value: number) => number;

function drawn({ name, exponent, points }: ScalingSeries, labelY: number, colour: string, x: Scale, y: Scale): Markup {
  const at = points.map(({ flops, ms }) => [x(flops / 1e9), y(ms)] as const);
  return html`<polyline fill="none" stroke="${colour}" stroke-width="2" points="${at.map((point) => point.join()).join(" ")}"/>
${at.map(([cx, cy]) => html`<circle cx="${cx}" cy="${cy}" r="4" fill="${colour}"/>`)}
<circle cx="${RIGHT + 14}" cy="${labelY - 4}" r="4" fill="${colour}"/>${text(RIGHT + 24, labelY, "start", `${name}: work^${exponent.toFixed(2)}`)}
`;
}

const text = (x: number, y: number, anchor: string, content: string | number): Markup =>
  html`<text x="${x}" y="${y}" text-anchor="${anchor}">${content}</text>`;

/** The series with heights for their labels, near their ends and apart from each other. */
function separated(series: readonly ScalingSeries[], y: Scale): readonly (ScalingSeries & { readonly labelY: number })[] {
  let above = TOP;
  return series
    .toSorted((a, b) => (b.points.at(-1)?.ms ?? 0) - (a.points.at(-1)?.ms ?? 0))
    .map((line) => {
      above = Math.max(y(line.points.at(-1)?.ms ?? 1) + 4, above + 18);
      return { ...line, labelY: above };
    });
}

/** From a value to a place between `from` and `to`, and round values that enclose them all. */
function logarithmic(values: readonly number[], from: number, to: number): { readonly at: Scale; readonly ticks: readonly number[] } {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const powers = Array.from({ length: 12 }, (_, index) => index - 4);
  const round = powers.flatMap((power) => [1, 2, 5].map((digit) => Number(`${digit}e${power}`)));
  const first = round.findLast((tick) => tick <= low) ?? low;
  const last = round.find((tick) => tick >= high) ?? high;
  return {
    at: (value) => Number((from + ((to - from) * Math.log(value / first)) / Math.log(last / first)).toFixed(1)),
    ticks: round.filter((tick) => tick >= first && tick <= last),
  };
}
