import { displayWidth, padEnd, padStart } from "./terminal-text.ts";

/** Lines of a table: the first column to the left, the others to the right unless said. */
export function columns(header: readonly string[], rows: readonly (readonly string[])[], others: "left" | "right" = "right"): string[] {
  const lines = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...lines.map((line) => displayWidth(line[column] ?? ""))));
  return lines.map((line) =>
    line
      .map((cell, column) => {
        const width = widths[column] as number;
        return column === 0 || others === "left" ? padEnd(cell, width) : padStart(cell, width);
      })
      .join("  ")
      .trimEnd(),
  );
}
