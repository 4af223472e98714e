import { type LabellingEstimate, labelAhead } from "../distill/cache/label-ahead.ts";
import type { ProgressEvents } from "../distill/environment.ts";
import type { Recipe } from "../distill/recipe/schema.ts";
import { nodeEnvironment, shardStoreOf } from "./environment.ts";

export interface CacheOptions {
  /** What paths in the recipe are relative to. */
  readonly relativeTo?: string;
  /** Estimate only. */
  readonly dryRun?: boolean;
  readonly onEstimate?: (estimate: LabellingEstimate) => void;
  readonly onProgress?: ProgressEvents;
}

/** Stores the outputs of a recipe's teacher on all training samples and views, as far as they aren't yet. */
export async function cacheTeacher(recipe: Recipe, options: CacheOptions = {}): Promise<void> {
  const { relativeTo = process.cwd(), dryRun = false, onEstimate, onProgress = {} } = options;
  const environment = { ...nodeEnvironment(recipe, relativeTo, undefined, onProgress), shards: shardStoreOf(recipe, relativeTo) };
  await labelAhead(recipe, environment, (estimate) => {
    onEstimate?.(estimate);
    return !dryRun;
  });
}
