import { createHash } from "node:crypto";
import { z } from "zod";
import { runRecipe } from "../distill/distill.ts";
import type { Recipe } from "../distill/recipe/schema.ts";
import { filesSchema, jobEnvironment, recipeForJobs, resolvedRecipe } from "./job-environment.ts";
import { jobKind } from "./job-kind.ts";
import { type Job, jobOf } from "./jobs.ts";
import type { Files } from "./recipe-files.ts";

const input = z.strictObject({ recipe: resolvedRecipe, files: filesSchema });

const measured = z.number().nullable();
const result = z.strictObject({
  /** On the validation samples after each epoch of the student's training. */
  epochs: z.array(z.strictObject({ accuracy: measured, loss: measured })),
  /** The epoch whose weights the recipe keeps, from 1. */
  kept: z.int().nonnegative(),
  /** SHA-256 of the student's ONNX file. */
  student: z.string(),
});

export type TrialResult = z.output<typeof result>;

/** A recipe's student, trained and measured on validation samples. The test samples are not seen. */
export const recipeJob = jobKind({
  name: "recipe",
  input,
  result,
  run: async ({ recipe, files }, context) => {
    const epochs: { accuracy: number | null; loss: number | null }[] = [];
    const environment = jobEnvironment(recipe, files, context, {
      onEpoch: (phase, { validation }) => {
        if (phase === "student" && validation) epochs.push({ accuracy: finite(validation.accuracy), loss: finite(validation.loss) });
      },
    });
    const { student } = await runRecipe(recipe, environment);
    return {
      epochs,
      kept: recipe.keep === "best" ? student.bestEpoch : epochs.length,
      student: createHash("sha256").update(student.bytes).digest("hex"),
    };
  },
});

/** JSON has no other numbers. */
const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

/** A trial of a recipe. */
export function trialJob(name: string, recipe: Recipe, files: Files): Job {
  return jobOf("recipe", name, { recipe: recipeForJobs(recipe), files });
}
