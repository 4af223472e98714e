import { resolve } from "node:path";
import { openIdxDirectory } from "../data/node/idx-directory.ts";
import type { Environment, ProgressEvents } from "../distill/environment.ts";
import type { Recipe } from "../distill/recipe/schema.ts";
import { nodeRuntime } from "../runtime/node.ts";
import type { RunDirectory } from "./directory.ts";
import { readBytes } from "./files.ts";

/** Node's side of a run: files relative to the recipe, the stock onnxruntime-node, checkpoints in the run directory. */
export function nodeEnvironment(recipe: Recipe, relativeTo: string, directory: RunDirectory | undefined, events: ProgressEvents): Environment {
  return {
    runtime: nodeRuntime({ device: recipe.device, threads: recipe.threads }),
    openData: (data) => openIdxDirectory(data.idx, { validation: data.validation, splitSeed: data.splitSeed, exclude: data.exclude, relativeTo }),
    readFile: (path) => readBytes(resolve(relativeTo, path)),
    checkpoints: directory?.checkpoints,
    events,
  };
}
