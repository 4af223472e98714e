import { readFileSync } from "node:fs";
import { writeSection } from "../scripts/page-section.ts";
import { writeAtomically } from "../src/run/files.ts";
import type { Comparison } from "./compare.ts";
import type { Row } from "./rows.ts";

const FILE = "bench/results.json";
/** Fewer than this are for a quick look, and the table says so. */
export const FULL_ROUNDS = 9;
/** Milliseconds that are shown as seconds. */
const SECONDS_FROM = 10_000;
const PAGE = "docs/performance.md";

/** A row's figures, and when and where they were measured. */
export interface Result extends Comparison {
  /** Year, month, day. */
  readonly date: string;
  readonly machine: string;
}

export type Results = Readonly<Record<string, Result>>;

export function readResults(): Results {
  return (JSON.parse(readFileSync(FILE, "utf8")) as { readonly rows: Results }).rows;
}

/** Writes the figures, in the order of the rows, and their table in the documentation. */
export async function writeResults(rows: readonly Row[], results: Results): Promise<void> {
  const measured = rows.filter(({ id }) => results[id]);
  const ordered = Object.fromEntries(measured.map(({ id }) => [id, results[id]]));
  await writeAtomically(FILE, `${JSON.stringify({ rows: ordered }, null, 2)}\n`);
  await writeSection(PAGE, "bench", table(measured, results));
}

/** How the peer compares: its figure over Limbeck's, by the best of its ways. */
export function ratioOf({ limbeck, variants }: Comparison): number | undefined {
  const best = variants?.[0];
  return best && best.value / limbeck;
}

/** Limbeck's rate over the rate of matrix products meanwhile, by each of those that multiplied: its own runtime first. */
export function sharesOf({ flops, limbeck, ceiling = {} }: Comparison): readonly number[] {
  return flops === undefined ? [] : Object.values(ceiling).map((rate) => (1000 * flops) / limbeck / rate);
}

/** A row's figure as the table shows it. */
export function formatFigure({ measure, scale }: Row, value: number): string {
  if (measure === "memory") return `${(value / 1e6).toFixed(0)} MB`;
  const ms = value * (scale?.steps ?? 1);
  return ms >= SECONDS_FROM ? `${(ms / 1000).toFixed(0)} s` : `${ms.toFixed(1)} ms`;
}

function table(rows: readonly Row[], results: Results): string {
  const lines = rows.flatMap((row) => linesOf(row, results[row.id] as Result));
  return [
    ...machines(rows, results),
    "",
    "| work | Limbeck | GFLOP/s, share of the matrix product's by the runtime / by PyTorch | peer, its best way | peer / Limbeck | at least | aim | measured |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ...lines.map((cells) => `| ${cells.join(" | ")} |`),
  ].join("\n");
}

function linesOf(row: Row, result: Result): readonly (readonly string[])[] {
  const { peer, variants, flops, limbeck } = result;
  const best = variants?.[0];
  const ratio = ratioOf(result);
  const shares = sharesOf(result).map(percent).join(" / ");
  const rate = flops ? `${(flops / limbeck / 1e6).toFixed(0)}, ${shares}` : "–";
  const date = result.rounds < FULL_ROUNDS && row.measure !== "memory" ? `${result.date}, ${result.rounds} rounds` : result.date;
  const rival = best ? `${formatFigure(row, best.value)} (${peer?.split(" ")[0]}, ${best.name})` : "–";
  const goals = row.goal
    ? [row.goal.atLeast, row.goal.aim].map((goal) => (row.measure === "start" ? `${goal} ms` : goal.toFixed(2)))
    : ["–", "–"];
  const name = row.scale ? `${row.name}, ${row.scale.name}` : row.name;
  const main = [name, formatFigure(row, limbeck), rate, rival, ratio?.toFixed(2) ?? "–", ...goals, date];
  if (!row.shareGoal || shares === "") return [main];
  const { atLeast, aim } = row.shareGoal;
  return [main, ["its share of the matrix product's rate", shares, "–", "–", "–", percent(atLeast), percent(aim), date]];
}

const percent = (fraction: number): string => `${(100 * fraction).toFixed(0)} %`;

/** What the figures were measured on, one line where they all agree. */
function machines(rows: readonly Row[], results: Results): readonly string[] {
  const described = rows.map(({ id }) => {
    const { machine, runtime, peer, ceiling } = results[id] as Result;
    return { machine, names: [runtime, ...(peer ? [peer] : []), ...Object.keys(ceiling ?? {})] };
  });
  const names = [...new Set(described.flatMap(({ names }) => names))].filter((name) => !name.startsWith("Node"));
  return [`${[...new Set(described.map(({ machine }) => machine))].join("; ")}; ${names.join("; ")}.`];
}
