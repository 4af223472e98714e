import { LimbeckError } from "../../errors.ts";
import { openTeachers } from "../distill.ts";
import type { Environment } from "../environment.ts";
import { lineOf } from "../line.ts";
import { maskedShare } from "../objective.ts";
import type { Recipe } from "../recipe/schema.ts";
import { readData } from "../recipe-data.ts";
import { stagesOf } from "../stages.ts";
import { fillCache, type Labeller, rangeBatches } from "./fill.ts";
import type { Range } from "./plan.ts";
import type { ShardStore } from "./store.ts";
import { bytesOf, cacheSettingsOf, type PreparedCache, prepareCache, viewsOf } from "./teacher-cache.ts";

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

/** A recipe's teachers, ready to label. */
export interface Labelling {
  /** Of each teacher. */
  readonly caches: readonly PreparedCache[];
  /** To label for each of them, once for each view. */
  readonly samples: number;
  release(): Promise<void>;
}

/**
 * Opens a recipe's teachers, and looks what the store has of their outputs.
 *
 * @throws LimbeckError when the recipe has no teacher or caches none, and for whatever keeps the cache from working.
 */
export async function prepareLabelling(recipe: Recipe, environment: Environment & { readonly shards: ShardStore }): Promise<Labelling> {
  const settings = cacheSettingsOf(recipe);
  if (!settings) throw notCached(recipe);
  if (stagesOf(recipe).every(({ losses }) => maskedShare(losses) !== undefined)) {
    throw new LimbeckError("Words are masked otherwise in each epoch, so that no run would use a teacher's output twice.", {
      hint: "Leave maskedLanguage out of the losses to cache the teacher.",
    });
  }
  const read = await readData(recipe, environment);
  const [first] = await lineOf(recipe, read.data.train, environment.readFile);
  const teachers = await openTeachers(first.recipe, first.network, read, environment);
  const { shards: store } = environment;
  const release = async (): Promise<void> => {
    store.close();
    await Promise.all(teachers.map((teacher) => teacher.release()));
  };
  try {
    if (teachers.length === 0) throw new LimbeckError("The recipe has no teacher whose outputs it needs.");
    const caches: PreparedCache[] = [];
    for (const teacher of teachers) {
      caches.push(await prepareCache({ ...read, recipe: first.recipe, teacher, outputs: teacher.outputs, environment }, settings, store));
    }
    return { caches, samples: read.data.train.length, release };
  } catch (error) {
    await release();
    throw error;
  }
}

/**
 * Fills the cache of a recipe's teacher before any run does.
 *
 * @param onEstimate Is told what it will take, before it starts. @returns false to leave it at that.
 * @throws LimbeckError as `prepareLabelling` does.
 */
export async function labelAhead(
  recipe: Recipe,
  environment: Environment & { readonly shards: ShardStore },
  onEstimate: (estimate: LabellingEstimate) => boolean,
): Promise<void> {
  const { caches, samples, release } = await prepareLabelling(recipe, environment);
  const { shards: store, events = {} } = environment;
  try {
    if (!onEstimate(await estimateOf(caches, recipe, store, samples))) return;
    for (const { plan, labeller, missing } of caches) {
      if (missing.length > 0) await fillCache(plan, missing, labeller, store, events.onLabel);
    }
  } finally {
    await release();
  }
}

/** Of all teachers together; a sample is one for each of them. */
export async function estimateOf(
  caches: readonly PreparedCache[],
  recipe: Recipe,
  store: ShardStore,
  samples: number,
): Promise<LabellingEstimate> {
  let [bytes, missingBytes, missing, seconds] = [0, 0, 0, 0];
  for (const { plan, labeller, missing: ranges } of caches) {
    const count = ranges.reduce((sum, range) => sum + range.count, 0);
    bytes += plan.bytes;
    missingBytes += bytesOf(plan, ranges);
    missing += count;
    if (ranges[0]) seconds += count * (await secondsPerSample(ranges[0], labeller));
  }
  return { store: store.name, samples: samples * caches.length, views: viewsOf(recipe), bytes, missingBytes, missing, seconds };
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
  for await (const batch of rangeBatches(range, labeller)) {
    await labeller.teach(batch);
    times.push((performance.now() - began) / 1000);
    if (times.length > TIMED) break;
    began = performance.now();
  }
  const counted = times.slice(times.length > 1 ? 1 : 0).sort((a, b) => a - b);
  return (counted[counted.length >> 1] as number) / labeller.batchSize;
}
