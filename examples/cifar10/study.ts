/**
 * The study on CIFAR-10: `npm run study:cifar [-- DIRECTORY [SEEDS]]`, DIRECTORY with the data set's Parquet files (examples/cifar10/data unless given).
 *
 * One teacher is trained once, and kept. Each student is trained alone and by the teacher, for as many epochs and at the learning rate that was
 * best for it alone. What is done is kept in runs/study-cifar, and not done again: a study that was killed goes on where it was.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join, relative } from "node:path";
import { writeSection } from "../../scripts/page-section.ts";
import { presets } from "../../src/distill/recipe/presets.ts";
import type { NetworkRecipe, RecipeInput } from "../../src/distill/recipe/schema.ts";
import { profileGraph } from "../../src/measure/profile.ts";
import { buildArchitecture } from "../../src/nn/zoo/zoo.ts";
import { formatInteger, formatPercent } from "../../src/report/format.ts";
import type { Report } from "../../src/report/report.ts";
import { difference, signed } from "../methods/protocol.ts";
import { runsOf, runTrials, spread, type Trial } from "../studies/trials.ts";

const root = join(import.meta.dirname, "../..");
const DIRECTORY = relative(root, process.argv[2] ?? join(import.meta.dirname, "data"));
const SEEDS = Array.from({ length: Number(process.argv[3] ?? 3) }, (_, seed) => seed);
const results = join(runsOf("cifar"), "trials.jsonl");
const TEACHER = ".cache/study-cifar/strong-teacher";
/** What its training begins with. */
const WHITENED = ".cache/study-cifar/whitened.onnx";

/** The short schedule. */
const EPOCHS = 3;
/** Trials that choose see fewer images, and another seed. */
const TUNING = { images: 10_000, seed: 100, learningRates: [0.003, 0.01, 0.03] };

const students: Readonly<Record<string, NetworkRecipe>> = {
  "vgg8 ×0.25": { zoo: "vgg8", width: 0.25 },
  resnet8: { zoo: "resnet8" },
  "mobilenet-v3-small ×0.5": { zoo: "mobilenet-v3-small", width: 0.5, stem: "cifar" },
  "mobilenet-v2 ×0.5": { zoo: "mobilenet-v2-half" },
};

/** Shares of the labels that are known. */
const LABELS = [0.1, 0.01];

type Losses = RecipeInput["losses"];
const soft: Losses = presets.hinton.recipe.losses;
/** Features beside soft targets. All are of the last, pooled features, which are small enough to be kept for every image and view. */
const withFeatures: Readonly<Record<string, Losses>> = {
  "kd + hint": [...soft, { hint: { weight: 1, pairs: ["pooled"] } }],
  "kd + pkt": [...soft, { pkt: { weight: 3000 } }],
  "kd + rkd": [...soft, { rkdDistance: { weight: 2.5 } }, { rkdAngle: { weight: 5 } }],
  "kd + similarity": [...soft, { similarity: { weight: 300, pairs: ["pooled"] } }],
};
const logits = ["dkd", "dist", "lskd", "ctkd", "patient", "multiLevel"] as const;
const ofPresets: Readonly<Record<string, Losses>> = Object.fromEntries(logits.map((name) => [name, presets[name].recipe.losses]));

function recipeOf(student: NetworkRecipe, losses: Losses | undefined, learningRate: number, seed: number): RecipeInput {
  return {
    data: { parquet: DIRECTORY, size: 32, validation: 5000, augment: [{ shift: 4 }, { flip: true }], views: EPOCHS },
    student,
    ...(losses && { teacher: `${TEACHER}/student.onnx`, losses }),
    optimizer: { adamw: { learningRate: { oneCycle: { peak: learningRate } } } },
    epochs: EPOCHS,
    batchSize: 64,
    seed,
    shares: false,
    cache: { directory: ".cache/study-cifar/answers", encoding: "float16" },
  };
}

/** The same on fewer images. */
function tuning(student: NetworkRecipe, losses: Losses | undefined, learningRate: number): RecipeInput {
  const recipe = recipeOf(student, losses, learningRate, TUNING.seed);
  return { ...recipe, data: { ...recipe.data, limit: TUNING.images } };
}

/** The key whose recipe is best on validation. */
async function best<K extends string | number>(what: string, recipes: ReadonlyMap<K, RecipeInput>): Promise<K> {
  const found = await runTrials(
    [...recipes].map(([key, recipe]): Trial => ({ name: `choosing ${what}: ${key}`, recipe })),
    results,
  );
  const validations = found.map(({ validation }) => validation);
  return [...recipes.keys()][validations.indexOf(Math.max(...validations))] as K;
}

const teacher = trainedTeacher();
const rates = new Map<string, number>();
for (const [name, student] of Object.entries(students)) {
  const recipes = new Map(TUNING.learningRates.map((rate) => [rate, tuning(student, undefined, rate)]));
  rates.set(name, await best(`the learning rate of ${name}`, recipes));
}
const [[smallest, first]] = Object.entries(students) as [[string, NetworkRecipe]];
const choose = (what: string, methods: Readonly<Record<string, Losses>>) =>
  best(what, new Map(Object.entries(methods).map(([name, losses]) => [name, tuning(first, losses, rates.get(smallest) as number)])));
const feature = await choose("features", withFeatures);
const preset = await choose("a preset", ofPresets);
const methods: Readonly<Record<string, Losses | undefined>> = {
  alone: undefined,
  kd: soft,
  [feature]: withFeatures[feature],
  [preset]: ofPresets[preset],
};

const rows: string[] = [];
for (const [name, student] of Object.entries(students)) {
  const scores = await compared(name, student, methods);
  const [alone = [], ...taught] = scores;
  const cells = taught.map((values) => {
    const { points, margin } = difference(values, alone, true);
    return `${spread(values)} (${signed(points)}${Math.abs(points) > margin ? "" : ", within the spread"})`;
  });
  rows.push(`| ${name} | ${parametersOf(student)} | ${[spread(alone), ...cells].join(" | ")} |`);
  await writeSection(join(root, "docs/results.md"), "study:cifar", table());
}

await writeSection(join(root, "docs/results.md"), "study:cifar labels", await fewLabels());

/** What the first student makes of few labels, and of the teacher's answers for the rest. */
async function fewLabels(): Promise<string> {
  const rate = rates.get(smallest) as number;
  const run = async (name: string, recipes: readonly RecipeInput[]) =>
    (
      await runTrials(
        recipes.map((recipe): Trial => ({ name: `${name} seed ${recipe.seed}`, recipe })),
        results,
      )
    ).map(({ test }) => test);
  const lines: string[] = [];
  for (const keep of LABELS) {
    const known = (losses: Losses | undefined) =>
      SEEDS.map((seed) => {
        const recipe = recipeOf(first, losses, rate, seed);
        return { ...recipe, data: { ...recipe.data, labels: { keep, ...(!losses && { only: true }) } } };
      });
    const alone = await run(`${100 * keep} % of labels alone`, known(undefined));
    const taught = await run(`${100 * keep} % of labels taught`, known(soft));
    const { points } = difference(taught, alone, true);
    lines.push(`| ${100 * keep} % | ${spread(alone)} | ${spread(taught)} | ${signed(points)} |`);
  }
  return `${smallest}, ${EPOCHS} epochs, ${SEEDS.length} seeds.

| labels | alone, % | kd, % | difference |
| --- | --- | --- | --- |
${lines.join("\n")}`;
}

/** Test accuracies of a student by each method, seed by seed. */
async function compared(
  name: string,
  student: NetworkRecipe,
  ways: Readonly<Record<string, Losses | undefined>>,
): Promise<readonly (readonly number[])[]> {
  const entries = Object.entries(ways);
  const trials = SEEDS.flatMap((seed) =>
    entries.map(
      ([way, losses]): Trial => ({
        name: `${name} ${way} seed ${seed}`,
        recipe: recipeOf(student, losses, rates.get(name) as number, seed),
      }),
    ),
  );
  const found = await runTrials(trials, results);
  return entries.map((_, place) => SEEDS.map((_, seed) => found[seed * entries.length + place]?.test ?? Number.NaN));
}

function table(): string {
  const columns = Object.keys(methods);
  return `The teacher: ${teacher}. ${EPOCHS} epochs, ${SEEDS.length} seeds. Machine: ${cpus().length} × ${cpus()[0]?.model.trim()}; two runs at a time, one thread each.

| student | parameters | ${columns.map((column) => `${column}, %`).join(" | ")} |
| --- | --- | ${columns.map(() => "---").join(" | ")} |
${rows.join("\n")}`;
}

function parametersOf({ zoo, ...options }: NetworkRecipe): string {
  return formatInteger(profileGraph(buildArchitecture(zoo, { inputShape: [3, 32, 32], classes: 10, seed: 0, ...options })).parameters);
}

/** Trains the teacher, or goes on with it, unless it is there. @returns What to say of it. */
function trainedTeacher(): string {
  const out = join(root, TEACHER);
  if (!existsSync(join(out, "student.onnx"))) {
    console.log("Training the teacher: some 45 minutes on two cores.");
    if (!existsSync(join(root, WHITENED))) node("node_modules/jiti/lib/jiti-cli.mjs", "examples/cifar10/whitened.ts", DIRECTORY, WHITENED);
    const resume = existsSync(out) ? ["--resume"] : [];
    const recipe = "examples/cifar10/strong-teacher.recipe.ts";
    node("dist/cli.js", "train", recipe, "--set", `data.parquet=${join(root, DIRECTORY)}`, "--out", out, ...resume);
  }
  const { student } = JSON.parse(readFileSync(join(out, "report.json"), "utf8")) as Report;
  return `${student.name}, ${formatInteger(student.parameters)} parameters, ${formatPercent(student.accuracy.lastEpoch)}`;
}

function node(...command: string[]): void {
  if (spawnSync(process.execPath, command, { cwd: root, stdio: "inherit" }).status !== 0)
    throw new Error("The teacher could not be trained.");
}
