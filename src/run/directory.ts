import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Phase } from "../distill/environment.ts";
import type { Recipe } from "../distill/recipe/schema.ts";
import { LimbeckError } from "../errors.ts";
import type { CheckpointStore } from "../train/checkpoint.ts";
import { makeDirectory, readIfThere, writeAtomically } from "./files.ts";

/** One line of metrics.jsonl. */
export interface MetricsLine {
  readonly phase: Phase;
  readonly epoch: number;
  readonly [name: string]: unknown;
}

/** Everything that one run leaves behind, in one directory. */
export interface RunDirectory {
  readonly path: string;
  checkpoints(phase: Phase): CheckpointStore;
  /** Adds a line to metrics.jsonl, in place of one for the same phase and epoch that an interrupted run left. */
  record(line: MetricsLine): Promise<void>;
  readonly metrics: readonly MetricsLine[];
  write(name: string, content: Uint8Array | string): Promise<void>;
}

/**
 * Opens a new run directory, or with `resume` one that holds an unfinished run of the same recipe.
 *
 * @throws LimbeckError when the directory can't be written, holds another run, or was made by another recipe.
 */
export async function openRunDirectory(path: string, recipe: Recipe, resume: boolean): Promise<RunDirectory> {
  const directory = resolve(path);
  await makeDirectory(join(directory, "checkpoints"));
  const recipeFile = join(directory, "recipe.json");
  const text = `${JSON.stringify(recipe, null, 2)}\n`;
  const before = await readIfThere(recipeFile);
  if (before && !resume) {
    throw new LimbeckError("This directory already holds a run.", { where: directory, hint: "Use --resume to go on with it, or --out for another directory." });
  }
  if (before && new TextDecoder().decode(before) !== text) {
    throw new LimbeckError("The recipe differs from the one that this run was started with.", {
      where: recipeFile,
      hint: "Resume with the same recipe and options, or start a new run with --out.",
    });
  }
  await writeAtomically(recipeFile, text);
  let metrics = before ? parseLines(await readIfThere(join(directory, "metrics.jsonl"))) : [];
  const write = (name: string, content: Uint8Array | string) => writeAtomically(join(directory, name), content);
  return {
    path: directory,
    checkpoints: (phase) => {
      const file = join(directory, "checkpoints", `${phase}.safetensors`);
      return { load: () => readIfThere(file), save: (bytes) => writeAtomically(file, bytes) };
    },
    record: async (line) => {
      metrics = [...metrics.filter(({ phase, epoch }) => phase !== line.phase || epoch < line.epoch), line];
      await write("metrics.jsonl", metrics.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
    },
    get metrics() {
      return metrics;
    },
    write,
  };
}

/** The first of NAME, NAME-2, NAME-3, ... under `parent` that is free. */
export async function freshDirectory(parent: string, name: string): Promise<string> {
  const taken = new Set(await readdir(parent).catch(() => []));
  let candidate = name;
  for (let count = 2; taken.has(candidate); count++) candidate = `${name}-${count}`;
  return join(parent, candidate);
}

/** A last line cut short by a crash is left out. */
function parseLines(bytes: Uint8Array | undefined): MetricsLine[] {
  if (!bytes) return [];
  return new TextDecoder()
    .decode(bytes)
    .split("\n")
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as MetricsLine];
      } catch {
        return [];
      }
    });
}
