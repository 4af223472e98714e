import { z } from "zod";
import { type Samples, type Splits, subset } from "../data/samples.ts";
import { runRecipe } from "../distill/distill.ts";
import type { Recipe } from "../distill/recipe/schema.ts";
import { argMax } from "../measure/classification.ts";
import { permutation, randomFor } from "../random.ts";
import { predict } from "../train/evaluation.ts";
import { filesSchema, jobEnvironment, recipeForJobs, resolvedRecipe } from "./job-environment.ts";
import { jobKind } from "./job-kind.ts";
import { type Job, jobOf } from "./jobs.ts";
import type { Files } from "./recipe-files.ts";

const most = z.int().positive();
const part = z.strictObject({ train: most, validation: most });
const input = z.strictObject({ recipe: resolvedRecipe, files: filesSchema, part });
const result = z.strictObject({
  /** The class that the student gives to each of the part's validation samples. */
  predictions: z.array(z.int().nonnegative()),
});

/** How many training and validation samples a probe sees at most. */
export type Part = z.output<typeof part>;
export type ProbeResult = z.output<typeof result>;

/** A recipe's student, trained on a part of the data: what it says about validation samples. The test samples are not seen. */
export const probeJob = jobKind({
  name: "probe",
  input,
  result,
  run: async ({ recipe, files, part }, context) => {
    const environment = jobEnvironment(recipe, files, context);
    const { openData, runtime } = environment;
    const { student, data, normalization } = await runRecipe(recipe, {
      ...environment,
      openData: async (of) => partOf(await openData(of), part),
    });
    const session = await runtime.createSession(student.bytes);
    try {
      const { logits, classes } = await predict(session, student.graph, data.validation, normalization);
      return { predictions: [...argMax(logits, classes)] };
    } finally {
      await session.release();
    }
  },
});

/** A part of a recipe's data for a probe. */
export function probeOf(name: string, recipe: Recipe, files: Files, part: Part): Job {
  return jobOf("probe", name, { recipe: recipeForJobs(recipe), files, part });
}

/** The part of the data that a probe sees: drawn, always alike. */
export function partOf(splits: Splits, part: Part): Splits {
  return { ...splits, train: someOf(splits.train, part.train), validation: someOf(splits.validation, part.validation) };
}

const DRAWN = 0x50726f62;

/** So many samples, in their order. */
export function someOf(samples: Samples, count: number): Samples {
  if (count >= samples.length) return samples;
  return subset(samples, permutation(samples.length, randomFor(DRAWN, samples.length)).slice(0, count).sort());
}
