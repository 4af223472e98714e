import { LimbeckError } from "../../errors.ts";
import { openTeacher, readData } from "../distill.ts";
import type { Environment } from "../environment.ts";
import { needsTeacher, objectiveOf, teacherOutputs } from "../objective.ts";
import type { Recipe } from "../recipe/schema.ts";
import { fillCache, type Labeller, rangeBatches } from "./fill.ts";
import type { Range } from "./plan.ts";
import type { ShardStore } from "./store.ts";
import { bytesOf, cacheSettingsOf, prepareCache, viewsOf } from "./teacher-cache.ts";

/** What filling a cache takes, or took. */
export interface LabellingEstimate {
  /** Where it is. */
  readonly store: string;
  readonly samples: number;
  readonly views: number;
  /** Of the whole cache, and of what is still missing of it. */
  readonly bytes: number;
  readonly missingBytes: number;
  /** Samples × views still to label. */
  readonly missing: number;
  /** To label them, by a few batches. */
  readonly seconds: number;
}

/** Batches that are timed, after one that isn't. */
const TIMED = 3;

/**
 * Fills the cache of a recipe's teacher before any run does.
 *
 * @param onEstimate Is told what it will take, before it starts. @returns false to leave it at that.
 * @throws LimbeckError when the recipe has no teacher or caches none, and for whatever keeps the cache from working.
 */
export async function labelAhead(
  recipe: Recipe,
  environment: Environment & { readonly shards: ShardStore },
  onEstimate: (estimate: LabellingEstimate) => boolean,
): Promise<void> {
  const settings = cacheSettingsOf(recipe);
  if (!recipe.teacher || !recipe.losses.some(needsTeacher)) throw new LimbeckError("The recipe has no teacher whose outputs it needs.");
  if (!settings) throw notCached(recipe);
  const { data, normalization } = await readData(recipe, environment);
  const teacher = await openTeacher(recipe.teacher, recipe, data, normalization, environment);
  const { shards: store, events = {} } = environment;
  try {
    const outputs = teacherOutputs(objectiveOf(recipe.losses, data.train.classes.length));
    const request = { recipe, teacher, outputs, data, normalization, environment };
    const { plan, labeller, missing } = await prepareCache(request, settings, store);
    const count = missing.reduce((sum, range) => sum + range.count, 0);
    const goOn = onEstimate({
      store: store.name,
      samples: data.train.length,
      views: viewsOf(recipe),
      bytes: plan.bytes,
      missingBytes: bytesOf(plan, missing),
      missing: count,
      seconds: missing[0] ? count * (await secondsPerSample(missing[0], labeller)) : 0,
    });
    if (goOn && count > 0) await fillCache(plan, missing, labeller, store, events.onLabel);
  } finally {
    store.close();
    await teacher.release();
  }
}

function notCached({ cache }: Recipe): LimbeckError {
  return cache === false
    ? new LimbeckError("The recipe says `cache: false`.", { hint: "Leave that out." })
    : new LimbeckError("Each epoch of the recipe draws augmentations of its own, so that no run would use a teacher's output twice.", {
        hint: "Let them repeat with data.views, or give `cache: true` to keep all of them for runs of other temperatures, losses or students.",
      });
}

async function secondsPerSample(range: Range, labeller: Labeller): Promise<number> {
  const times: number[] = [];
  let began = performance.now();
  for (const batch of rangeBatches(range, labeller)) {
    await labeller.teach(batch);
    times.push((performance.now() - began) / 1000);
    if (times.length > TIMED) break;
    began = performance.now();
  }
  const counted = times.slice(times.length > 1 ? 1 : 0).sort((a, b) => a - b);
  return (counted[counted.length >> 1] as number) / labeller.batchSize;
}
