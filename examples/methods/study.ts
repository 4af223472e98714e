/**
 * The study of every method: `npm run study:methods [-- SEEDS [DATA SET]]` (an hour on two cores for 5 seeds of both; what is done is not done again).
 * See protocol.ts.
 */
import { cpus } from "node:os";
import { writeSection } from "../../scripts/page-section.ts";
import { presets } from "../../src/distill/recipe/presets.ts";
import type { TrialResult } from "../studies/trial.ts";
import { mean, runTrials, spread } from "../studies/trials.ts";
import { type DataSet, difference, fashionMnist, type Method, methodOf, mnist, results, signed, trialOf, tuned } from "./protocol.ts";

const SEEDS = Array.from({ length: Number(process.argv[2] ?? 5) }, (_, seed) => seed);
const ONLY = process.argv[3];
/** For transformers; and SimKD, since the teachers' classifiers take maps of 7×7 and the student's are 4×4. */
const LEFT_OUT: readonly string[] = ["pkd", "distilbert", "tinybert", "minilm", "minilmv2", "simkd"];
const names = Object.keys(presets).filter((name) => !LEFT_OUT.includes(name));
const methods: Readonly<Record<string, Method | undefined>> = {
  none: undefined,
  ...Object.fromEntries(names.map((name) => [name, methodOf(name)])),
};

const dataSets = [mnist, fashionMnist()].filter((dataSet): dataSet is DataSet => dataSet !== undefined);
for (const dataSet of dataSets.filter(({ name }) => ONLY === undefined || name === ONLY)) {
  // Chosen once, on MNIST: the other data set shows what they are worth elsewhere.
  const factors = await tuned(mnist, methods);
  const entries = Object.entries(methods);
  const found = await runTrials(
    SEEDS.flatMap((seed) => entries.map(([name, method], place) => trialOf(dataSet, name, method, factors[place] as number, seed))),
    results,
  );
  const rows = entries.map(([method], place): RowOfTable => {
    const own = SEEDS.map((_, seed) => found[seed * entries.length + place] as TrialResult);
    return { method, factor: factors[place] as number, test: own.map(({ test }) => test), stepMs: mean(own.map(({ stepMs }) => stepMs)) };
  });
  await writeSection(
    "docs/results.md",
    `study:methods ${dataSet.name}`,
    tableOf(rows, found[1]?.teachers[0] ?? Number.NaN, dataSet === mnist),
  );
}

interface RowOfTable {
  readonly method: string;
  readonly factor: number;
  readonly test: readonly number[];
  readonly stepMs: number;
}

/** @param timed Whether it says what a step takes, which is the same for any data set. */
function tableOf(rows: readonly RowOfTable[], teacher: number, timed: boolean): string {
  const [plain, ...others] = rows as [RowOfTable, ...RowOfTable[]];
  const line = ({ method, factor, test, stepMs }: RowOfTable) =>
    `| ${method === "none" ? "no teacher" : `\`${method}\``} | ${spread(test)} | ${test === plain.test ? "" : verdict(test, plain.test)} | ${factor.toFixed(2)} |${timed ? ` ${(stepMs / plain.stepMs).toFixed(2)} |` : ""}`;
  return `The teacher: ${(100 * teacher).toFixed(2)} %. Machine: ${cpus().length} × ${cpus()[0]?.model.trim()}; two runs at a time, one thread each.

| preset | test accuracy, %, ${SEEDS.length} seeds | against no teacher | factor chosen |${timed ? " time of a step / no teacher |" : ""}
| --- | --- | --- | --- |${timed ? " --- |" : ""}
${[plain, ...[...others].sort((a, b) => mean(b.test) - mean(a.test))].map(line).join("\n")}`;
}

/** Said to be within the spread where it is no more than twice its standard error. */
function verdict(test: readonly number[], plain: readonly number[]): string {
  const { points, margin } = difference(test, plain);
  return Math.abs(points) > margin ? signed(points) : `${signed(points)}, within the spread`;
}
