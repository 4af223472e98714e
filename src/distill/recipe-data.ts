import { stepsPerEpoch } from "../data/batches.ts";
import { labelledOnly, lacksLabels, withLabels } from "../data/labels.ts";
import { type Normalization, statisticsOf } from "../data/normalize.ts";
import { classCounts, type Samples, type Splits, subset } from "../data/samples.ts";
import type { Environment } from "./environment.ts";
import type { DataRecipe, Recipe } from "./recipe/schema.ts";

/** The data, and what its batches are normalised by. */
export interface RecipeData {
  readonly data: Splits;
  readonly normalization: Normalization;
}

/** Opens the data of a recipe. @throws LimbeckError when the recipe does not fit it. */
export async function readData(recipe: Recipe, environment: Environment): Promise<RecipeData> {
  environment.events?.onStage?.("Reading the data");
  const data = await openData(recipe.data, recipe, environment);
  return { data, normalization: recipe.data.normalize ?? (await statisticsOf(data.train)) };
}

/** @throws LimbeckError when the data do not fill a batch. */
export async function openData(recipe: DataRecipe, { batchSize }: Pick<Recipe, "batchSize">, environment: Environment): Promise<Splits> {
  const { limit, labels } = recipe;
  const whole = await environment.openData(recipe);
  const all = limited(whole, limit);
  const [present, known] = [all, whole].map(({ train }) => classCounts(train).filter((count) => count > 0).length);
  if (present !== known) {
    environment.events?.onNotice?.(
      `Of ${known} classes only ${present} are among the first ${all.train.length} training samples (data.limit).`,
    );
  }
  const data = labels ? { ...all, train: withLabels(all.train, labels) } : all;
  stepsPerEpoch(data.train, batchSize);
  return data;
}

/**
 * For a network that learns from labels alone: without the samples that have none, in as many steps, which then are not spent on batches
 * that say nothing.
 */
export function labelledPart(read: RecipeData): RecipeData {
  const { data } = read;
  return lacksLabels(data.train) ? { ...read, data: { ...data, train: labelledOnly(data.train) } } : read;
}

function limited(data: Splits, limit: number | undefined): Splits {
  return limit === undefined ? data : { ...data, train: firstOf(data.train, limit) };
}

function firstOf(samples: Samples, count: number): Samples {
  return subset(
    samples,
    Uint32Array.from({ length: Math.min(count, samples.length) }, (_, index) => index),
  );
}
