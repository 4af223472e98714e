import pc from "picocolors";
import { formatPercent, formatScalar } from "../report/format.ts";
import { ranked, type SearchReport, valueText } from "./search-report.ts";

/** More would push what was found out of sight; `search.json` has all. */
const MOST_ROWS = 30;
const GAP = "  ";

/** The trials of a search from best to worst, for a terminal. Lines end with "\n". */
export function searchTable(report: SearchReport, { color }: { readonly color: boolean }): string {
  const colors = pc.createColors(color);
  const keys = report.dimensions.map(({ key }) => key);
  const several = report.seeds > 1;
  const varied = new Set(report.trials.map(({ epochs }) => epochs)).size > 1;
  const rows = ranked(report).map((trial) => ({
    chosen: trial === report.trials[report.chosen],
    cells: [
      ...keys.map((key) => valueText(trial.values[key])),
      ...(varied ? [String(trial.epochs)] : []),
      trial.accuracy === undefined ? "failed" : formatPercent(trial.accuracy),
      ...(several ? [trial.deviation === undefined ? "" : `± ${(100 * trial.deviation).toFixed(2)}`] : []),
      trial.loss === undefined ? "" : formatScalar(trial.loss),
    ],
  }));
  const head = [...keys, ...(varied ? ["epochs"] : []), "validation", ...(several ? ["spread"] : []), "loss"];
  const shown = rows.slice(0, MOST_ROWS);
  const widths = head.map((title, column) => Math.max(title.length, ...shown.map(({ cells }) => (cells[column] as string).length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padStart(widths[column] as number))
      .join(GAP)
      .trimEnd();
  const left = rows.length - shown.length;
  return [
    `  ${colors.dim(line(head))}`,
    ...shown.map(({ chosen, cells }) => (chosen ? colors.bold(colors.cyan(`* ${line(cells)}`)) : `  ${line(cells)}`)),
    ...(left > 0 ? [colors.dim(`  and ${left} more`)] : []),
    ...(report.test ? ["", testLine(report.test)] : []),
    "",
  ].join("\n");
}

function testLine({ accuracy, teacher, baseline }: NonNullable<SearchReport["test"]>): string {
  const others = [
    ...(teacher === undefined ? [] : [`teacher ${formatPercent(teacher)}`]),
    ...(baseline === undefined ? [] : [`without it ${formatPercent(baseline)}`]),
  ];
  return `Test accuracy of the chosen recipe: ${formatPercent(accuracy)}${others.length > 0 ? ` (${others.join(", ")})` : ""}`;
}
