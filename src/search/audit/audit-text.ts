import pc from "picocolors";
import { columns } from "../../report/columns.ts";
import { printable } from "../../report/terminal-text.ts";
import type { AuditReport } from "./audit-report.ts";
import { accuracyPairs, likenessText, probeTable, probeText, sizeTable, softTargetTable, type Table } from "./audit-tables.ts";
import type { Finding } from "./verdict.ts";

const marks: Readonly<Record<Finding["weight"], string>> = { against: "✗", first: "!", for: "✓", note: "·" };
const LABEL = 26;

/** The audit for a terminal, ending with "\n". */
export function auditText({ verdict, figures, teacher, data }: AuditReport, { color }: { readonly color: boolean }): string {
  const colors = pc.createColors(color);
  const { advice, summary, findings, temperature, methods } = verdict;
  const tint = advice === "distil" ? colors.green : advice === "do not distil" ? colors.red : colors.yellow;
  const { probe } = figures;
  const lines = [
    colors.bold(tint(summary)),
    "",
    ...findings.map(({ weight, text }) => `${marks[weight]} ${text}`),
    "",
    `${printable(teacher)} on ${printable(data)}`,
    ...accuracyPairs(figures).map(([name, value]) => `  ${printable(name).padEnd(LABEL)}${value}`),
    "",
    ...indented(sizeTable(figures)),
    `  Inside: ${likenessText(figures.likeness)}.`,
    "",
    "Soft targets of training samples",
    ...indented(softTargetTable(figures)),
    ...(probe ? ["", probeText(probe), ...indented(probeTable(probe))] : []),
    "",
    `To begin with: temperature ${temperature}; ${methods.join(", ")}.`,
  ];
  return `${lines.join("\n")}\n`;
}

function indented({ head, rows }: Table): string[] {
  return columns(
    head,
    rows.map((row) => row.map(printable)),
  ).map((line) => `  ${line}`);
}
