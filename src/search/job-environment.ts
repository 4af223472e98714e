import { z } from "zod";
import { type Samples, type Splits, subset } from "../data/samples.ts";
import type { ShardStore } from "../distill/cache/store.ts";
import type { Environment, ProgressEvents } from "../distill/environment.ts";
import { parseRecipe } from "../distill/recipe/parse.ts";
import type { DataRecipe, Recipe } from "../distill/recipe/schema.ts";
import { LimbeckError } from "../errors.ts";
import { nodeEnvironment } from "../run/environment.ts";
import type { JobContext } from "./job-kind.ts";
import { openShards, openStore } from "./open-store.ts";
import { type Files, mapPaths, REFERENCE } from "./recipe-files.ts";
import type { Store } from "./store.ts";

/** Paths in a recipe with what is there, by content. */
export const filesSchema = z.record(z.string(), z.string().regex(REFERENCE));

/** A resolved recipe that comes from anywhere. */
export const resolvedRecipe = z.unknown().transform((value, context): Recipe => {
  try {
    return parseRecipe(value, "the job's recipe");
  } catch (error) {
    context.addIssue({ code: "custom", message: error instanceof LimbeckError ? error.message : String(error) });
    return z.NEVER;
  }
});

/** A recipe as jobs have it: for one thread, without what a trial doesn't need, and without where its teacher is cached: the job is told. */
export function recipeForJobs(recipe: Recipe): Recipe {
  return {
    ...recipe,
    name: undefined,
    threads: 1,
    workers: 0,
    baseline: false,
    shares: false,
    snapshots: [],
    cache: typeof recipe.cache === "object" ? { ...recipe.cache, directory: "cache" } : recipe.cache,
  };
}

/** Where a job's recipe runs: it sees no test sample, and from a store nothing but the files that the job names. */
export function jobEnvironment(
  recipe: Recipe,
  files: Files,
  context: JobContext,
  events: ProgressEvents = {},
): Environment & { readonly shards: ShardStore } {
  const own = nodeEnvironment(recipe, context.relativeTo, undefined, events);
  const store = context.store === undefined ? undefined : openStore(context.store);
  const opened = store ? (data: DataRecipe) => openFromStore(data, files, store, own.openData) : own.openData;
  return {
    ...own,
    openData: async (data) => withoutTest(await opened(data)),
    readFile: store ? (path) => store.read(referenceOf(path, files)) : own.readFile,
    shards: openShards(context.cache),
  };
}

/** @throws LimbeckError when a job's recipe names a file that the job doesn't say the content of. */
function referenceOf(path: string, files: Files): string {
  const reference = Object.hasOwn(files, path) ? files[path] : undefined;
  if (reference === undefined) throw new LimbeckError("The job doesn't say what is in this file of its recipe.", { where: path });
  return reference;
}

/** Opens data from a store; what is made of them is called as it is outside of it. */
async function openFromStore(data: DataRecipe, files: Files, store: Store, open: Environment["openData"]): Promise<Splits> {
  const asked = new Set<string>();
  mapPaths({ data }, (path) => {
    asked.add(path);
    return path;
  });
  const places = new Map<string, string>();
  for (const path of asked) places.set(path, await store.locate(referenceOf(path, files)));
  const splits = await open(mapPaths({ data }, (path) => places.get(path) as string).data);
  const named = (samples: Samples): Samples => ({
    ...samples,
    name: [...places].reduce((name, [path, place]) => name.replaceAll(place, path), samples.name),
  });
  return { train: named(splits.train), validation: named(splits.validation), test: named(splits.test) };
}

const withoutTest = (splits: Splits): Splits => ({ ...splits, test: subset(splits.test, new Uint32Array(0)) });
