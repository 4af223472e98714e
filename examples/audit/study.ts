/**
 * The study of audits: `npm run study:audit [-- --seeds 3 --cifar DIRECTORY]`, DIRECTORY with CIFAR-10's Parquet files (half an hour on two cores, without
 * CIFAR-10).
 *
 * Each pair of teacher and student is audited, then trained in full, alone and by the teacher. A verdict is right if it says to distil and the student
 * gains beyond the spread, or says anything else and, as the pair stands, it doesn't. What is done is kept in runs/study-audit, and not done again.
 * `--tiny` tries all of it in a few minutes, on few images, and prints the table instead of writing it.
 */
import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { writeSection } from "../../scripts/page-section.ts";
import { parseRecipe } from "../../src/distill/recipe/parse.ts";
import type { RecipeInput } from "../../src/distill/recipe/schema.ts";
import { graphBuilder } from "../../src/graph/builder/builder.ts";
import { inlineGraph } from "../../src/graph/builder/inline.ts";
import type { Value } from "../../src/graph/graph.ts";
import { readOnnx } from "../../src/graph/onnx/read.ts";
import { writeOnnx } from "../../src/graph/onnx/write.ts";
import { int64 } from "../../src/graph/tensor.ts";
import { formatPercent } from "../../src/report/format.ts";
import { makeDirectory, writeAtomically } from "../../src/run/files.ts";
import { loadRecipeFile } from "../../src/run/recipe-file.ts";
import { train } from "../../src/run/run.ts";
import type { AuditReport } from "../../src/search/audit/audit-report.ts";
import { audit } from "../../src/search/audit/run-audit.ts";
import { difference, fashionMnist, mnist, signed } from "../methods/protocol.ts";
import { runsOf, runTrials, spread } from "../studies/trials.ts";

const { values: asked } = parseArgs({
  options: { seeds: { type: "string", default: "3" }, cifar: { type: "string" }, tiny: { type: "boolean" } },
});
const SEEDS = Array.from({ length: asked.tiny ? 2 : Number(asked.seeds) }, (_, seed) => seed);
const root = join(import.meta.dirname, "../..");
const place = runsOf(asked.tiny ? "audit-tiny" : "audit");
/** Relative to the repository, as recipes have it. */
const here = relative(root, place);
const CIFAR_TEACHER = ".cache/study-cifar/teacher/student.onnx";

interface Pair {
  readonly name: string;
  /** Paths are relative to the repository. */
  readonly recipe: RecipeInput & { readonly teacher: string };
}

const smallCnn: RecipeInput["student"] = { zoo: "small-cnn", channels: [8, 16, 32], depth: 1, inputSize: 14 };

function recipeOf(
  data: RecipeInput["data"],
  teacher: string,
  student: RecipeInput["student"],
  more: Partial<RecipeInput> = {},
): Pair["recipe"] {
  return {
    data: asked.tiny ? { ...data, limit: 1000 } : data,
    student,
    losses: [{ hinton: { temperature: 1 } }],
    optimizer: { adamw: { learningRate: { oneCycle: { peak: 0.02 } } } },
    batchSize: 64,
    shares: false,
    cache: { directory: `${here}/cache` },
    ...more,
    teacher,
    epochs: asked.tiny ? 2 : (more.epochs ?? 8),
  };
}

/** Trains a teacher, unless it is there. @returns Its path. */
async function trained(name: string, recipe: RecipeInput | string): Promise<string> {
  const out = join(place, name);
  if (!existsSync(join(out, "student.onnx"))) {
    console.log(`Training the teacher "${name}"`);
    await train(recipe, { out, relativeTo: root, resume: existsSync(out) });
  }
  return `${here}/${name}/student.onnx`;
}

/** The committed teacher as if its classes were in another order. */
async function permuted(): Promise<string> {
  const teacher = readOnnx(readFileSync(join(root, mnist.teacher)));
  const g = graphBuilder("permuted");
  const image = g.input("image", "float32", ["N", 1, 28, 28]);
  const inside = inlineGraph(g, teacher, { bind: new Map([[teacher.inputs[0]?.name as string, image]]) });
  const order = g.constant(int64([1, 2, 3, 4, 5, 6, 7, 8, 9, 0]));
  g.output(g.gather(inside.get(teacher.outputs[0]?.name as string) as Value, order, 1), "permuted");
  const { "limbeck.classes": _, ...metadata } = teacher.metadata;
  await makeDirectory(place);
  await writeAtomically(join(place, "permuted.onnx"), writeOnnx({ ...g.build(), metadata }));
  return `${here}/permuted.onnx`;
}

async function pairs(): Promise<readonly Pair[]> {
  const { idx } = mnist;
  const alone = (limit: number | undefined, student: RecipeInput["student"], epochs: number): RecipeInput => {
    const { teacher: _, losses: __, ...recipe } = recipeOf({ idx, limit }, "", student, { epochs });
    return recipe;
  };
  const weak = await trained("weak", alone(2000, { zoo: "mlp", hidden: [16] }, 6));
  const equal = await trained("equal", alone(undefined, smallCnn, 8));
  const found: Pair[] = [
    {
      name: "MNIST, 4,000 images: the committed CNN, a small CNN",
      recipe: recipeOf({ idx, limit: 4000 }, mnist.teacher, smallCnn, { epochs: 12 }),
    },
    { name: "MNIST: the committed CNN, 784-16-10", recipe: recipeOf({ idx }, mnist.teacher, { zoo: "mlp", hidden: [16] }) },
    { name: "MNIST: 784-16-10 of 2,000 images, a small CNN", recipe: recipeOf({ idx }, weak, smallCnn) },
    { name: "MNIST: a small CNN, the same", recipe: recipeOf({ idx }, equal, smallCnn) },
    {
      name: "MNIST: the committed CNN with its classes in another order, a small CNN",
      recipe: recipeOf({ idx }, await permuted(), smallCnn),
    },
  ];
  const fashion = await fashionPair();
  return [...found, ...(fashion ? [fashion] : []), ...cifarPairs()];
}

async function fashionPair(): Promise<Pair | undefined> {
  const idx = "/usr/share/datasets/fashion-mnist";
  if (!existsSync(idx)) {
    fashionMnist(); // says what is missing
    return undefined;
  }
  const { content } = await loadRecipeFile(join(root, "examples/methods/fashion-teacher.recipe.yaml"));
  const recipe = content as RecipeInput;
  const teacher = await trained("fashion", asked.tiny ? { ...recipe, data: { ...recipe.data, limit: 1000 }, epochs: 2 } : recipe);
  return { name: "Fashion-MNIST: a CNN, a small CNN", recipe: recipeOf({ idx }, teacher, smallCnn, { losses: [{ hinton: {} }] }) };
}

/** By the teacher of `npm run study:cifar`, which trains it. */
function cifarPairs(): readonly Pair[] {
  if (asked.cifar === undefined) return [];
  if (!existsSync(join(root, CIFAR_TEACHER))) throw new Error(`The teacher ${CIFAR_TEACHER} isn't there: npm run study:cifar trains it.`);
  const data = {
    parquet: relative(root, asked.cifar),
    size: 32,
    validation: 5000,
    augment: [{ shift: 4 }, { flip: true as const }],
    views: 3,
  };
  const more: Partial<RecipeInput> = {
    losses: [{ hinton: {} }],
    epochs: 3,
    optimizer: { adamw: { learningRate: { oneCycle: { peak: 0.01 } } } },
  };
  return [
    { name: "CIFAR-10: the study's teacher, resnet8", recipe: recipeOf(data, CIFAR_TEACHER, { zoo: "resnet8" }, more) },
    { name: "CIFAR-10: the study's teacher, mobilenet-v2 ×0.5", recipe: recipeOf(data, CIFAR_TEACHER, { zoo: "mobilenet-v2-half" }, more) },
  ];
}

async function audited({ name, recipe }: Pair): Promise<AuditReport> {
  const file = join(place, `${name.replace(/[^\w]+/g, "-")}.audit.json`);
  if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")) as AuditReport;
  console.log(`Auditing ${name}`);
  const small = asked.tiny ? { samples: 512, epochs: 2, seeds: 2 } : {};
  const report = await audit({
    recipe: parseRecipe(recipe),
    relativeTo: root,
    ...small,
    onRun: (run, done, total) => console.log(`  ${done}/${total} ${run}`),
  });
  await writeAtomically(file, `${JSON.stringify(report, null, 2)}\n`);
  return report;
}

/** Test accuracy of each seed, alone and taught. */
async function inFull({ name, recipe }: Pair): Promise<{ readonly alone: readonly number[]; readonly taught: readonly number[] }> {
  const { teacher: _, losses: __, ...alone } = recipe;
  const trials = [alone, recipe].flatMap((one, place) =>
    SEEDS.map((seed) => ({ name: `${name} ${place === 0 ? "alone" : "taught"} seed ${seed}`, recipe: { ...one, seed } })),
  );
  const tests = (await runTrials(trials, join(place, "trials.jsonl"))).map(({ test }) => test);
  return { alone: tests.slice(0, SEEDS.length), taught: tests.slice(SEEDS.length) };
}

const rows: string[] = [];
let right = 0;
const all = await pairs();
for (const pair of all) {
  const { verdict, figures } = await audited(pair);
  const { alone, taught } = await inFull(pair);
  const { points, margin } = difference(taught, alone, true);
  const isRight = (verdict.advice === "distil") === points > margin;
  right += Number(isRight);
  rows.push(
    `| ${pair.name} | ${formatPercent(figures.teacher.scores.accuracy)} | ${verdict.summary} | ${spread(alone)} | ${spread(taught)} | ${signed(points)} ± ${margin.toFixed(2)} | ${isRight ? "yes" : "no"} |`,
  );
}
const table = `${right} of ${all.length} verdicts are right. ${SEEDS.length} seeds. Machine: ${cpus().length} × ${cpus()[0]?.model.trim()}; two runs at a time, one thread each.

| teacher, student | teacher, validation | verdict | full runs alone, % | taught, % | difference, points | right |
| --- | --- | --- | --- | --- | --- | --- |
${rows.join("\n")}`;
if (asked.tiny) console.log(table);
else await writeSection("docs/results.md", "study:audit", table);
