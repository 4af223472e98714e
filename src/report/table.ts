import pc from "picocolors";
import { formatPercent, formatRatio } from "./format.ts";
import { metricGroups } from "./metrics.ts";
import { cacheHits, gapClosed, modelsOf, type Report, type Role } from "./report.ts";
import { displayWidth, padEnd, padStart, printable, truncate } from "./terminal-text.ts";

const GAP = 2;

/**
 * The comparison of teacher, baseline and student for a terminal, then what was saved and kept. Lines end with "\n".
 * @param options.width columns of the terminal, 80 unless told; below about 55 the table is wider than asked
 */
export function reportTable(report: Report, options: { readonly color: boolean; readonly width?: number }): string {
  const width = options.width ?? 80;
  const colors = pc.createColors(options.color);
  const models = modelsOf(report);
  const tint: Record<Role, (text: string) => string> = {
    teacher: colors.gray,
    relative: (text) => text,
    baseline: colors.yellow,
    student: (text) => colors.bold(colors.cyan(text)),
  };

  const groups = metricGroups(report).map(({ metrics }) =>
    metrics.map(({ label, detail, values }) => ({ label: detail ? `  ${label}` : label, values })),
  );
  const metrics = groups.flat();
  const labelWidth = Math.max(...metrics.map(({ label }) => displayWidth(label)));
  const valueWidth = Math.max(8, ...metrics.flatMap(({ values }) => values.map(displayWidth)));
  const room = Math.floor((width - labelWidth) / models.length) - GAP;
  const nameWidth = Math.max(...models.map(({ model }) => displayWidth(printable(model.name))));
  const columnWidth = Math.max(valueWidth, Math.min(room, nameWidth));

  const line = (label: string, cells: readonly string[]): string =>
    padEnd(label, labelWidth) +
    cells.map((cell, index) => " ".repeat(GAP) + tint[models[index]?.role ?? "teacher"](padStart(cell, columnWidth))).join("");
  const lines = [
    line(
      "",
      models.map(({ title }) => title),
    ),
    line(
      "",
      models.map(({ model }) => truncate(printable(model.name), columnWidth)),
    ),
    ...groups.flatMap((group) => ["", ...group.map(({ label, values }) => line(label, values))]),
  ];
  const summary = summaryOf(report);
  const termWidth = Math.max(0, ...summary.map(([term]) => term.length)) + GAP;
  const sentences = summary.map(
    ([term, parts]) => colors.bold(term.padEnd(termWidth)) + wrap(parts, width - termWidth).join(`\n${" ".repeat(termWidth)}`),
  );
  return `${[...lines, ...(sentences.length > 0 ? ["", ...sentences] : [])].join("\n")}\n`;
}

/** What was saved and kept: a term, and the parts of its sentence between which a line may break. */
function summaryOf(report: Report): readonly (readonly [term: string, parts: readonly string[]])[] {
  const { reduction, retention, agreement } = report;
  const gap = gapClosed(report);
  const hits = cacheHits(report);
  const saved = reduction && [
    `${formatRatio(reduction.parameters)} parameters,`,
    `${formatRatio(reduction.flops)} FLOPs,`,
    `${formatRatio(reduction.bytes)} file,`,
    `${formatRatio(reduction.latency)} latency`,
  ];
  return [
    ...(saved ? [["Reduction", saved] as const] : []),
    ...(retention === undefined ? [] : [["Retention", [formatPercent(retention), "of the teacher's accuracy"]] as const]),
    ...(agreement === undefined
      ? []
      : [["Agreement", [formatPercent(agreement), "of the test samples", "get the teacher's class"]] as const]),
    ...(gap === undefined
      ? []
      : [["Gap closed", [formatPercent(gap, 1), "of the way", "from the baseline's accuracy", "to the teacher's"]] as const]),
    ...(hits === undefined
      ? []
      : [["Cache", [formatPercent(hits, 1), "of the teacher's outputs in training", "were read from disk"]] as const]),
  ];
}

function wrap(parts: readonly string[], width: number): readonly string[] {
  const lines: string[] = [];
  for (const part of parts) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + part.length <= width) lines[lines.length - 1] = `${last} ${part}`;
    else lines.push(part);
  }
  return lines;
}
