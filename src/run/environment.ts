import { extname, resolve } from "node:path";
import type { ImageStore } from "../data/node/image-samples.ts";
import { nodeLoader } from "../data/node/loader.ts";
import { openData } from "../data/node/open-data.ts";
import type { ShardStore } from "../distill/cache/store.ts";
import { cacheSettingsOf } from "../distill/cache/teacher-cache.ts";
import type { Environment, ProgressEvents } from "../distill/environment.ts";
import { cacheDefaults, type Recipe } from "../distill/recipe/schema.ts";
import { LimbeckError } from "../errors.ts";
import { nodeRuntime } from "../runtime/node.ts";
import type { RunDirectory } from "./directory.ts";
import { readBytes } from "./files.ts";
import { fileImageStore } from "./image-store.ts";
import { readOnnxBytes } from "./onnx-file.ts";
import { fileShardStore } from "./shard-store.ts";

/** Node's side of a run: files relative to the recipe, the stock onnxruntime-node, checkpoints in the run directory. */
export function nodeEnvironment(
  recipe: Recipe,
  relativeTo: string,
  directory: RunDirectory | undefined,
  events: ProgressEvents,
): Environment {
  // A run that leaves no directory leaves no cache either, unless the recipe asks for one.
  const keeps = Boolean(directory || recipe.cache);
  return {
    runtime: nodeRuntime({ device: recipe.device, threads: recipe.threads }),
    openData: (data) => openData(data, { relativeTo, images: keeps ? imageStoreOf(relativeTo, events) : undefined, events }),
    openLoader: nodeLoader(recipe.workers),
    readFile: (path) => {
      const absolute = resolve(relativeTo, path);
      return extname(path) === ".safetensors" ? readBytes(absolute) : readOnnxBytes(absolute, path);
    },
    begin: directory?.begin,
    checkpoints: directory?.checkpoints,
    checkpointSeconds: checkpointSeconds(),
    keepFile: directory?.write,
    shards: keeps ? shardStoreOf(recipe, relativeTo) : undefined,
    events,
  };
}

/** What decoded images may take on disk in all. */
const MOST_IMAGE_BYTES = 4e9;

function imageStoreOf(relativeTo: string, { onNotice }: ProgressEvents): ImageStore {
  return fileImageStore(resolve(relativeTo, ".cache/limbeck/images"), MOST_IMAGE_BYTES, onNotice);
}

/** Where the outputs of a recipe's teacher are kept. */
export function shardStoreOf(recipe: Recipe, relativeTo: string): ShardStore {
  const { directory } = cacheSettingsOf(recipe) ?? cacheDefaults;
  return fileShardStore(resolve(relativeTo, directory));
}

/** LIMBECK_CHECKPOINT_SECONDS: how often a run is saved within an epoch. */
function checkpointSeconds(): number | undefined {
  const text = process.env.LIMBECK_CHECKPOINT_SECONDS;
  if (text === undefined) return undefined;
  const seconds = Number(text);
  if (text.trim() === "" || !(seconds >= 0)) {
    throw new LimbeckError(`"${text}" is not a number of seconds.`, {
      where: "LIMBECK_CHECKPOINT_SECONDS",
      hint: "Give 0 or more, or unset it.",
    });
  }
  return seconds;
}
