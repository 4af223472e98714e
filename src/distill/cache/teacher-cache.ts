import { toTransform } from "../../data/augmentation.ts";
import type { Batch } from "../../data/batches.ts";
import type { Normalization } from "../../data/normalize.ts";
import type { Splits } from "../../data/samples.ts";
import { explain, LimbeckError } from "../../errors.ts";
import type { Shape } from "../../graph/graph.ts";
import type { Tensor } from "../../graph/tensor.ts";
import type { Environment, ProgressEvents } from "../environment.ts";
import { cacheDefaults, type Recipe } from "../recipe/schema.ts";
import { fillCache, type Labeller, takeInventory } from "./fill.ts";
import { type Plan, planOf, type Range } from "./plan.ts";
import { cachedTeach } from "./read.ts";
import type { ShardStore } from "./store.ts";

/** What is to be cached. */
export interface CacheRequest {
  readonly recipe: Recipe;
  readonly teacher: { readonly bytes: Uint8Array; readonly teach: Labeller["teach"] };
  /** The shape of each output for one sample, by its name. */
  readonly outputs: Readonly<Record<string, Shape>>;
  readonly data: Pick<Splits, "train">;
  readonly normalization: Normalization;
  readonly environment: Pick<Environment, "runtime" | "shards" | "events">;
}

/** A teacher's outputs on disk, all of them there. */
export interface TeacherCache {
  /** The teacher's outputs on a batch, as they were stored; overwritten by the next call. */
  teach(batch: Batch, scalars: Readonly<Record<string, number>>): Promise<Readonly<Record<string, Tensor>>>;
  readonly usage: CacheUsage;
  close(): void;
}

/** What a cache was good for, counted in samples with the teacher's outputs for one view; a resumed run counts anew. */
export interface CacheUsage {
  /** That training used. */
  readonly used: number;
  /** That the teacher was run for. */
  readonly computed: number;
  /** Size of what the run reads from. */
  readonly bytes: number;
}

export type CacheSettings = typeof cacheDefaults;

/** How many augmentations of each sample a run shows. */
export function viewsOf({ data, epochs }: Pick<Recipe, "data" | "epochs">): number {
  return data.augment.length === 0 && !data.mix ? 1 : Math.min(data.views ?? epochs, epochs);
}

/** How a run caches its teacher: as the recipe says, else only where the run itself uses outputs again. */
export function cacheSettingsOf(recipe: Recipe): CacheSettings | undefined {
  const { cache = viewsOf(recipe) < recipe.epochs } = recipe;
  return typeof cache === "object" ? cache : cache ? cacheDefaults : undefined;
}

export interface PreparedCache {
  readonly plan: Plan;
  readonly labeller: Labeller;
  /** What the store does not hold yet. */
  readonly missing: readonly Range[];
}

/**
 * Plans a cache, and looks what of it is there; says once if something is damaged.
 *
 * @throws LimbeckError when the store can't be read, or has no room for what is missing.
 */
export async function prepareCache(request: CacheRequest, settings: CacheSettings, store: ShardStore): Promise<PreparedCache> {
  const { recipe, teacher, outputs, data, normalization, environment } = request;
  const { augment, mix } = recipe.data;
  const { seed, batchSize } = recipe;
  const plan = await planOf({
    teacher: teacher.bytes,
    runtime: environment.runtime,
    outputs: fixedShapes(outputs),
    samples: data.train,
    normalization,
    augment,
    mix,
    seed,
    views: viewsOf(recipe),
    encoding: settings.encoding,
  });
  const { missing, damaged } = await takeInventory(plan, store);
  if (damaged.length > 0) {
    const more = damaged.length > 1 ? `, and ${damaged.length - 1} more` : "";
    environment.events?.onNotice?.(`Labelling a damaged file of the teacher cache anew (${damaged[0]}${more}).`);
  }
  await checkRoom(plan, missing, store, settings.maxBytes);
  const transforms = augment.map(toTransform);
  return { plan, labeller: { teach: teacher.teach, samples: data.train, normalization, transforms, mix, seed, batchSize }, missing };
}

/** @throws LimbeckError when an output is as long as the texts are, so that what is stored of each would be of another size. */
function fixedShapes(outputs: CacheRequest["outputs"]): Readonly<Record<string, readonly number[]>> {
  const open = Object.entries(outputs).find(([, shape]) => shape.some((size) => typeof size === "string"));
  if (!open) return outputs as Readonly<Record<string, readonly number[]>>;
  throw new LimbeckError(`The losses take "${open[0]}" of each token, and only what has one size for all texts is kept.`, {
    hint: "`cache: false` asks the teacher each time without saying so.",
  });
}

/** @throws LimbeckError when a store would grow beyond the limit by what is missing. */
async function checkRoom(plan: Plan, missing: readonly Range[], store: ShardStore, maxBytes: number): Promise<void> {
  if (missing.length === 0) return;
  const taken = Array.from((await store.sizes()).values()).reduce((sum, size) => sum + size, 0);
  const wanted = bytesOf(plan, missing);
  if (taken + wanted <= maxBytes) return;
  throw new LimbeckError(`The teacher's outputs need ${megabytes(wanted)}, and ${megabytes(taken)} of ${megabytes(maxBytes)} are taken.`, {
    where: store.name,
    hint: "Raise cache.maxBytes, lower data.views, store float16 or { topK: n } (cache.encoding), or delete what is old there.",
  });
}

/** Bytes that a run keeps without being asked to. Features take thousands of times what logits do. */
const MOST_UNASKED = 1e9;

/**
 * Labels what is not yet stored, and gives the teacher's outputs from there; undefined where the recipe wants no cache. Whatever keeps it
 * from working costs a run no more than the cache: that is told in one line, and there is none.
 */
export async function openTeacherCache(request: CacheRequest): Promise<TeacherCache | undefined> {
  const { shards: store, events = {} } = request.environment;
  const settings = cacheSettingsOf(request.recipe);
  if (!settings || !store) return undefined;
  try {
    const { plan, labeller, missing } = await prepareCache(request, settings, store);
    if (request.recipe.cache === undefined && plan.bytes > MOST_UNASKED) {
      events.onNotice?.(
        `The teacher's outputs would take ${megabytes(plan.bytes)} on disk, so it is asked again each time: \`cache: true\` keeps them.`,
      );
      return undefined;
    }
    if (missing.length > 0) events.onStage?.("Labelling with the teacher");
    const computed = missing.length > 0 ? await fillCache(plan, missing, labeller, store, events.onLabel) : 0;
    return cacheOver(plan, labeller, store, computed, events);
  } catch (error) {
    noteFailure(error, events);
    return undefined;
  }
}

function cacheOver(plan: Plan, labeller: Labeller, store: ShardStore, labelled: number, events: ProgressEvents): TeacherCache {
  const read = cachedTeach(plan, store);
  let [used, computed, broken] = [0, labelled, false];
  return {
    teach: async (batch, scalars) => {
      used += batch.size;
      if (!broken) {
        try {
          return read(batch, scalars);
        } catch (error) {
          noteFailure(error, events);
          broken = true;
        }
      }
      computed += batch.size;
      return labeller.teach(batch);
    },
    get usage() {
      return { used, computed, bytes: plan.bytes };
    },
    close: store.close,
  };
}

/** Errors of Limbeck's own go on. */
function noteFailure(error: unknown, events: ProgressEvents): void {
  if (!(error instanceof LimbeckError)) throw error;
  events.onNotice?.(`The run goes on without the teacher cache: ${explain(error)}`);
}

/** Of some ranges, headers included: within a header's length of it where ranges differ in size. */
export function bytesOf(plan: Plan, ranges: readonly Range[]): number {
  return Math.ceil((plan.bytes * ranges.reduce((sum, { count }) => sum + count, 0)) / plan.labels);
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toPrecision(3)} MB`;
