import { join, resolve } from "node:path";
import type { Phase } from "../distill/environment.ts";
import type { Recipe } from "../distill/recipe/schema.ts";
import { LimbeckError } from "../errors.ts";
import type { CheckpointStore } from "../train/checkpoint.ts";
import { listDirectory, makeDirectory, readIfThere, removeTemporary, writeAtomically } from "./files.ts";

/** One line of metrics.jsonl. */
export interface MetricsLine {
  readonly phase: Phase;
  readonly epoch: number;
  readonly [name: string]: unknown;
}

/** Everything that one run leaves behind, in one directory. */
export interface RunDirectory {
  readonly path: string;
  /** Makes the directory and writes recipe.json, the first time that it is called. Nothing is written before. */
  begin(): Promise<void>;
  checkpoints(phase: Phase, stage?: string): CheckpointStore;
  /** Adds a line to metrics.jsonl, in place of one for the same phase and epoch that an interrupted run left. */
  record(line: MetricsLine): Promise<void>;
  readonly metrics: readonly MetricsLine[];
  write(name: string, content: Uint8Array | string): Promise<void>;
}

/**
 * Opens a directory for a new run, or with `resume` one that may hold an unfinished run of the same recipe.
 *
 * @throws LimbeckError when the directory can't be read, holds another run or anything else, or was made by another recipe.
 */
export async function openRunDirectory(path: string, recipe: Recipe, resume: boolean): Promise<RunDirectory> {
  const directory = resolve(path);
  const resumed = await checkDirectory(directory, recipe, resume);
  let begun = false;
  let metrics = resumed ? parseLines(await readIfThere(join(directory, "metrics.jsonl"))) : [];
  const write = (name: string, content: Uint8Array | string) => writeAtomically(join(directory, name), content);
  return {
    path: directory,
    begin: async () => {
      if (begun) return;
      begun = true;
      await makeDirectory(directory);
      // Looked at again: another run may have taken the directory while this one read its data.
      if (!(await checkDirectory(directory, recipe, resume))) await write(RECIPE, recipeText(recipe));
      await makeDirectory(join(directory, CHECKPOINTS));
      await removeTemporary(directory, join(directory, CHECKPOINTS));
    },
    checkpoints: (phase, stage) => {
      const name = join(directory, CHECKPOINTS, `${stage === undefined ? phase : `${phase}-${stage}`}.safetensors`);
      return { name, load: () => readIfThere(name), save: (bytes) => writeAtomically(name, bytes) };
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

const RECIPE = "recipe.json";
const CHECKPOINTS = "checkpoints";
const recipeText = (recipe: Recipe): string => `${JSON.stringify(recipe, null, 2)}\n`;

/** Whether the directory holds this very run, started before. @throws LimbeckError when it holds anything else. */
async function checkDirectory(directory: string, recipe: Recipe, resume: boolean): Promise<boolean> {
  const before = await readIfThere(join(directory, RECIPE));
  if (!before) {
    if ((await listDirectory(directory)).length === 0) return false;
    throw new LimbeckError("The directory for the run is not empty, and holds no run.", {
      where: directory,
      hint: "Choose another with --out.",
    });
  }
  if (!resume) {
    throw new LimbeckError("This directory already holds a run.", {
      where: directory,
      hint: "Use --resume to go on with it, or --out for another directory.",
    });
  }
  const text = new TextDecoder().decode(before);
  if (text === recipeText(recipe)) return true;
  throw new LimbeckError(`The recipe differs from the one that this run was started with${differences(text, recipe)}.`, {
    where: join(directory, RECIPE),
    hint: "Resume with the same recipe and options, or start a new run with --out.",
  });
}

/** The keys in which a recipe differs from one that was written down. */
function differences(text: string, recipe: Recipe): string {
  try {
    const before = JSON.parse(text) as Record<string, unknown>;
    const now = recipe as Readonly<Record<string, unknown>>;
    const keys = [...new Set([...Object.keys(before), ...Object.keys(now)])].filter(
      (key) => JSON.stringify(before[key]) !== JSON.stringify(now[key]),
    );
    return ` (${keys.join(", ")})`;
  } catch {
    return "";
  }
}

/** The first of NAME, NAME-2, NAME-3, ... under `parent` that is free. */
export async function freshDirectory(parent: string, name: string): Promise<string> {
  const taken = new Set(await listDirectory(parent));
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
