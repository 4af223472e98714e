import { dirname, join, relative, resolve } from "node:path";
import type { Recipe } from "../../distill/recipe/schema.ts";
import { teacherSources } from "../../distill/teacher/sources.ts";
import { LimbeckError } from "../../errors.ts";
import { listDirectory } from "../../run/files.ts";

/** Earlier checkpoints beside the teacher that are tried. */
const MOST_CHECKPOINTS = 3;

/** Whom to learn from instead of the audited teacher. */
export interface Other {
  readonly kind: "teacher" | "checkpoint";
  readonly path: string;
}

/**
 * The first teacher of a recipe, and whom to try instead: its others, those given, and earlier checkpoints beside it.
 *
 * @param teachers Paths, relative to the current directory.
 * @throws LimbeckError when the recipe names no teacher.
 */
export async function teachersOf(
  recipe: Recipe,
  relativeTo: string,
  teachers: readonly string[],
): Promise<{ teacher: string; others: readonly Other[] }> {
  const [teacher, ...more] = teacherSources(recipe).files;
  if (teacher === undefined) {
    throw new LimbeckError("The recipe names no teacher to look at.", { hint: "Add `teacher: path/to/teacher.onnx`, or give --teacher." });
  }
  // As the recipe might name it.
  const named = (path: string): string => {
    const fromRecipe = relative(relativeTo, path);
    return fromRecipe.startsWith("..") ? path : fromRecipe;
  };
  const own = named(resolve(relativeTo, teacher));
  const others = [...more.map((path) => resolve(relativeTo, path)), ...teachers.map((path) => resolve(path))].map(named);
  const directory = dirname(resolve(relativeTo, teacher));
  const epochs = (await listDirectory(directory)).flatMap((name) => /^epoch-(\d+)\.onnx$/.exec(name)?.[1] ?? []).map(Number);
  const checkpoints = evenly(
    epochs.sort((a, b) => a - b),
    MOST_CHECKPOINTS,
  ).map((epoch) => named(join(directory, `epoch-${epoch}.onnx`)));
  const distinct = (kind: Other["kind"], paths: readonly string[], known: readonly string[]): Other[] =>
    [...new Set(paths)].filter((path) => !known.includes(path)).map((path) => ({ kind, path }));
  return { teacher, others: [...distinct("teacher", others, [own]), ...distinct("checkpoint", checkpoints, [own, ...others])] };
}

/** So many of a list, the first among them. */
function evenly<T>(all: readonly T[], count: number): readonly T[] {
  return all.length <= count ? all : Array.from({ length: count }, (_, place) => all[Math.floor((place * all.length) / count)] as T);
}
