/** A run of a study: what it comes to. */
import { fileURLToPath } from "node:url";
import { runRecipe } from "../../src/distill/distill.ts";
import { parseRecipe } from "../../src/distill/recipe/parse.ts";
import type { RecipeInput } from "../../src/distill/recipe/schema.ts";
import { scoresOf } from "../../src/measure/scores.ts";
import { nodeEnvironment } from "../../src/run/environment.ts";
import type { Predictions } from "../../src/train/evaluation.ts";

/** What a trial comes to. */
export interface TrialResult {
  /** Accuracy of the student after its last epoch. */
  readonly validation: number;
  readonly test: number;
  /** Of the teachers, on the test set. */
  readonly teachers: readonly number[];
  /** Of two classes: Matthews' correlation on the test set, of the student and of the teachers. */
  readonly matthews?: number;
  readonly teachersMatthews?: readonly (number | undefined)[];
  /** Milliseconds of a training step, the teacher's part included: the median of the epochs. */
  readonly stepMs: number;
}

const root = fileURLToPath(new URL("../..", import.meta.url));

export async function runTrial(input: RecipeInput): Promise<TrialResult> {
  const recipe = parseRecipe(input);
  const validations: number[] = [];
  const times: number[] = [];
  const environment = nodeEnvironment(recipe, root, undefined, {
    onEpoch: (_, { validation, samplesPerSecond }) => {
      if (validation) validations.push(validation.accuracy);
      times.push((1000 * recipe.batchSize) / samplesPerSecond);
    },
  });
  const { student, teachers } = await runRecipe(recipe, environment);
  return {
    validation: validations.at(-1) ?? Number.NaN,
    test: student.accuracy.lastEpoch,
    teachers: teachers.map(({ predictions }) => predictions.accuracy),
    matthews: matthewsOf(student.predictions),
    teachersMatthews: teachers.map(({ predictions }) => matthewsOf(predictions)),
    stepMs: times.sort((a, b) => a - b)[times.length >> 1] as number,
  };
}

const matthewsOf = (predictions: Predictions): number | undefined => scoresOf(predictions).binary?.matthews;
