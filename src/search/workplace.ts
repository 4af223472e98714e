import { resolve } from "node:path";
import { cacheSettingsOf } from "../distill/cache/teacher-cache.ts";
import { cacheDefaults, type Recipe } from "../distill/recipe/schema.ts";
import { LimbeckError } from "../errors.ts";
import type { Executor } from "./jobs.ts";
import { localExecutor } from "./local-executor.ts";
import { openShards, openStore } from "./open-store.ts";
import { type FindFiles, fileFinder } from "./recipe-files.ts";

/** Where jobs are to be done. */
export interface ExecutorOptions {
  /** Processes on this machine; where workers do the jobs, how many of those it is worth waiting for. */
  readonly jobs?: number;
  readonly maxMemory?: number;
  /** The URL of a Redis, where workers wait. */
  readonly redis?: string;
  /** What this machine shares with those of the workers: a directory, or `s3://bucket/prefix`. */
  readonly store?: string;
}

/** Where jobs of a recipe are done. */
export interface Workplace {
  readonly executor: Executor;
  readonly findFiles: FindFiles;
  /** Where teachers' outputs are kept that jobs make and use. */
  readonly cache: string;
  close(): Promise<void>;
}

/** @throws LimbeckError when no Redis answers, or no store is named for one. */
export async function openWorkplace(
  recipe: Recipe,
  relativeTo: string,
  { jobs, maxMemory, redis = process.env.LIMBECK_REDIS, store: location = process.env.LIMBECK_STORE }: ExecutorOptions,
  onNotice?: (text: string) => void,
): Promise<Workplace> {
  if (redis === undefined || redis === "") {
    const cache = resolve(relativeTo, (cacheSettingsOf(recipe) ?? cacheDefaults).directory);
    const executor = localExecutor({ context: { relativeTo, cache }, jobs, maxMemory });
    return { executor, findFiles: fileFinder(relativeTo), cache, close: executor.close };
  }
  if (location === undefined || location === "") {
    throw new LimbeckError("Workers on other machines need a store that all of them share.", {
      hint: "Give a directory or s3://BUCKET/PREFIX by --store or LIMBECK_STORE, to the workers too: the data and models of the recipe are put there.",
    });
  }
  const store = openStore(location);
  await store.check();
  // Loaded for those who have a Redis.
  const { redisExecutor } = await import("./redis/redis-executor.ts");
  const executor = await redisExecutor({ url: redis, parallel: jobs, onNotice });
  return { executor, findFiles: fileFinder(relativeTo, store.put), cache: store.teacherCache, close: executor.close };
}

/** Brings what workers have labelled to where runs on this machine look for it. */
export async function fetchShards(names: readonly string[], from: string, to: string): Promise<void> {
  if (resolve(from) === resolve(to)) return;
  const [source, target] = [openShards(from), openShards(to)];
  const there = await target.sizes();
  for (const name of names.filter((one) => !there.has(one))) {
    const bytes = await source.load(name);
    if (bytes) await target.save(name, bytes);
  }
}
