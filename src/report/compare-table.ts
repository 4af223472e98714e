import { columns } from "./columns.ts";
import { type ComparedMetric, type Comparison, comparedMetrics, comparisonNotes } from "./compare.ts";
import { displayWidth, printable, truncate } from "./terminal-text.ts";

const MOST_NAME = 24;

/** The comparison for a terminal: as many models beside each other as fit in its width, then what is to be known. Ends with "\n". */
export function compareTable(comparison: Comparison, width = 100): string {
  const { models, data } = comparison;
  const groups = comparedMetrics(comparison);
  const names = models.map(({ name }) => truncate(printable(name), MOST_NAME));
  const labels = Math.max(...groups.flat().map(({ label }) => displayWidth(label)));
  const cell = ({ values, front }: ComparedMetric, model: number): string => `${values[model]}${front?.[model] ? " *" : "  "}`;
  const widths = names.map(
    (name, model) => 2 + Math.max(displayWidth(name), ...groups.flat().map((metric) => displayWidth(cell(metric, model)))),
  );
  const blocks = fitting(widths, width - labels).map((members) =>
    columns(
      ["", ...members.map((model) => `${names[model]}  `)],
      groups.flatMap((group) => [
        [""],
        ...group.map((metric) => [printable(metric.label), ...members.map((model) => cell(metric, model))]),
      ]),
    ).join("\n"),
  );
  const title = data ? [`On ${printable(data.location)} (${data.split}, ${data.samples.toLocaleString("en-US")} samples)`, ""] : [];
  return `${[...title, blocks.join("\n\n"), "", ...comparisonNotes(comparison).map(printable)].join("\n")}\n`;
}

/** Places in groups, each no wider than `width` unless it has a single member. */
function fitting(widths: readonly number[], width: number): readonly (readonly number[])[] {
  const groups: number[][] = [];
  let left = 0;
  widths.forEach((own, place) => {
    const last = groups.at(-1);
    if (last && own <= left) last.push(place);
    else {
      groups.push([place]);
      left = width;
    }
    left -= own;
  });
  return groups;
}
