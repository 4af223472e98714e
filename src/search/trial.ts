import type { Recipe } from "../distill/recipe/schema.ts";
import { epochsOf } from "../distill/stages.ts";
import { LimbeckError } from "../errors.ts";
import type { Finished } from "./jobs.ts";
import type { Score } from "./method.ts";
import { recipeJob, type TrialResult } from "./recipe-job.ts";

/** A place in the space as it was tried: once for each seed. */
export interface Trial {
  /** By the keys of the dimensions. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly epochs: number;
  readonly runs: readonly TrialRun[];
  /** On the validation samples, the mean over the seeds; absent where a run failed. */
  readonly accuracy?: number;
  /** Its standard deviation over the seeds. */
  readonly deviation?: number;
  readonly loss?: number;
  /** Why it failed. */
  readonly error?: string;
}

export interface TrialRun {
  readonly seed: number;
  readonly accuracy?: number;
  readonly loss?: number;
  /** SHA-256 of the student's ONNX file. */
  readonly student?: string;
}

/** What was found at a place. @param finished Its jobs, one for each seed. */
export function trialOf(values: Trial["values"], epochs: number, seeds: readonly number[], finished: readonly Finished[]): Trial {
  const runs = finished.map((one, index) => runOf(seeds[index] as number, one));
  const failed = finished.find(({ error }) => error);
  const accuracies = runs.map(({ accuracy = Number.NaN }) => accuracy);
  const accuracy = mean(accuracies);
  if (failed?.error || !Number.isFinite(accuracy)) {
    return { values, epochs, runs, error: failed?.error?.message ?? "Its validation accuracy is no number." };
  }
  const variance = accuracies.reduce((sum, value) => sum + (value - accuracy) ** 2, 0) / Math.max(1, accuracies.length - 1);
  return { values, epochs, runs, accuracy, deviation: Math.sqrt(variance), loss: mean(runs.map(({ loss = Number.NaN }) => loss)) };
}

function runOf(seed: number, { result }: Finished): TrialRun {
  if (result === undefined) return { seed };
  const { accuracy, loss, student } = measuredIn(recipeJob.readResult(result));
  return { seed, accuracy, loss, student };
}

/** What the weights that a trial keeps do on the validation samples. @throws LimbeckError when there are none. */
function measuredIn({ epochs, kept, student }: TrialResult): { accuracy?: number; loss?: number; student: string } {
  const measured = epochs[kept - 1];
  if (!measured) {
    throw new LimbeckError("The recipe has no validation samples, and by those a search decides.", { hint: "Set data.validation." });
  }
  return { accuracy: measured.accuracy ?? undefined, loss: measured.loss ?? undefined, student };
}

export function scoreOf({ accuracy = Number.NEGATIVE_INFINITY, loss = Number.NaN }: Trial): Score {
  return { accuracy, loss };
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** A recipe over another number of epochs, its stages each in proportion. Schedules follow where they say fractions of the run. */
export function overEpochs(recipe: Recipe, epochs: number): Recipe {
  const all = epochsOf(recipe);
  if (epochs === all) return recipe;
  const stages = recipe.stages?.map((stage) => ({
    ...stage,
    ...(stage.epochs !== undefined && { epochs: Math.max(1, Math.round((stage.epochs * epochs) / all)) }),
  }));
  return { ...recipe, epochs: recipe.stages ? Math.max(1, Math.round((recipe.epochs * epochs) / all)) : epochs, ...(stages && { stages }) };
}
