import { createHash } from "node:crypto";
import { z } from "zod";
import { fillCache } from "../distill/cache/fill.ts";
import { type Labelling, prepareLabelling } from "../distill/cache/label-ahead.ts";
import { type Range, shardName } from "../distill/cache/plan.ts";
import type { ShardStore } from "../distill/cache/store.ts";
import type { Recipe } from "../distill/recipe/schema.ts";
import { LimbeckError } from "../errors.ts";
import { filesSchema, jobEnvironment, recipeForJobs, resolvedRecipe } from "./job-environment.ts";
import { type JobContext, jobKind } from "./job-kind.ts";
import { canonicalJson, type Job, jobOf } from "./jobs.ts";
import type { Files } from "./recipe-files.ts";

const index = z.int().nonnegative();
const input = z.strictObject({
  recipe: resolvedRecipe,
  files: filesSchema,
  /** Which of the recipe's. */
  teacher: index,
  range: z.strictObject({ view: index, first: index, count: z.int().positive() }),
});

const result = z.strictObject({ shards: z.array(z.strictObject({ name: z.string(), sha256: z.string() })) });

/** A range of a teacher's outputs, labelled and kept where the context has its cache. */
export const labelJob = jobKind({
  name: "label",
  input,
  result,
  leavesNothing: true,
  run: async ({ recipe, files, teacher, range }, context) => {
    const { labelling, shards } = await labellerFor(recipe, files, context);
    const { plan, labeller } = labelling.caches[teacher] ?? {};
    const wanted = plan?.ranges.find(({ view, first, count }) => view === range.view && first === range.first && count === range.count);
    if (!plan || !labeller || !wanted) throw new LimbeckError("There is no such range of the teacher's outputs to label.");
    await fillCache(plan, [wanted], labeller, shards);
    return { shards: await Promise.all(plan.outputs.map((output) => shardOf(shardName(output, wanted), shards))) };
  },
});

async function shardOf(name: string, shards: ShardStore): Promise<{ readonly name: string; readonly sha256: string }> {
  const bytes = await shards.load(name);
  if (!bytes) throw new LimbeckError("What was labelled has vanished.", { where: `${shards.name}, ${name}` });
  return { name, sha256: createHash("sha256").update(bytes).digest("hex") };
}

/** What this process has open: ranges of the same teacher come one after the other. */
let opened: { readonly key: string; readonly labelling: Promise<Labelling>; readonly shards: ShardStore } | undefined;

async function labellerFor(recipe: Recipe, files: Files, context: JobContext) {
  const key = canonicalJson({ recipe, files, context });
  if (opened?.key !== key) {
    await opened?.labelling.then(({ release }) => release()).catch(() => undefined);
    const environment = jobEnvironment(recipe, files, context);
    opened = { key, labelling: prepareLabelling(recipe, environment), shards: environment.shards };
  }
  const { labelling, shards } = opened;
  return { labelling: await labelling, shards };
}

/** Labelling a range of one of the recipe's teachers. */
export function rangeJob(recipe: Recipe, files: Files, teacher: number, { view, first, count }: Range): Job {
  const name = `teacher ${teacher + 1}, view ${view + 1}, samples ${first} to ${first + count - 1}`;
  return jobOf("label", name, { recipe: recipeForJobs(recipe), files, teacher, range: { view, first, count } });
}
