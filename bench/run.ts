/** `npm run bench [-- --only NAME] [--rounds N]`: measures Limbeck beside others; see docs/performance.md. */
import { availableParallelism, cpus } from "node:os";
import { parseArgs } from "node:util";
import { type Comparison, compareTimes } from "./compare.ts";
import { compareMemory, compareStart } from "./extremes.ts";
import { FULL_ROUNDS, formatFigure, type Results, ratioOf, readResults, sharesOf, writeResults } from "./results.ts";
import { type Row, rows } from "./rows.ts";

const { values: options } = parseArgs({ options: { only: { type: "string" }, rounds: { type: "string" } } });
const rounds = Number(options.rounds ?? FULL_ROUNDS);
if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds takes a whole number from 1, not ${options.rounds}.`);
const chosen = rows.filter(({ id, name }) => `${id} ${name}`.toLowerCase().includes((options.only ?? "").toLowerCase()));
if (chosen.length === 0) throw new Error(`No row is named "${options.only}": there are ${rows.map(({ id }) => id).join(", ")}.`);

const machine = `${availableParallelism()} × ${cpus()[0]?.model.trim()}`;
const [date = ""] = new Date().toISOString().split("T");
let results: Results = readResults();
for (const row of chosen) {
  const comparison = await compared(row);
  print(row, comparison);
  results = { ...results, [row.id]: { date, machine, ...comparison } };
  // After each row, so that a run that is interrupted keeps what it has.
  await writeResults(rows, results);
}

function compared(row: Row): Promise<Comparison> | Comparison {
  if (row.measure === "memory") return compareMemory(row);
  return row.measure === "start" ? compareStart(rounds) : compareTimes(row, rounds);
}

function print(row: Row, comparison: Comparison): void {
  const { limbeck, peer, variants = [], failed = {}, ceiling = {} } = comparison;
  const ratio = ratioOf(comparison);
  const shares = sharesOf(comparison).map((share) => `${(100 * share).toFixed(0)} %`);
  console.log(`${row.id}: ${row.name}`);
  console.log(`  Limbeck ${formatFigure(row, limbeck)}${shares.length > 0 ? `, ${shares.join(" / ")} of the rate of:` : ""}`);
  for (const [name, rate] of Object.entries(ceiling)) console.log(`    matrix product 1024³, ${name}: ${(rate / 1e9).toFixed(0)} GFLOP/s`);
  for (const { name, value } of variants) console.log(`  ${peer}, ${name}: ${formatFigure(row, value)}`);
  for (const [name, why] of Object.entries(failed)) console.log(`  ${peer}, ${name}: not here (${why})`);
  if (ratio !== undefined) console.log(`  peer / Limbeck ${ratio.toFixed(2)}`);
}
