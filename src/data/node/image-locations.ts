import { readdir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { LimbeckError } from "../../errors.ts";

/** Where the files of a data set of images are: a path that leads to all, or the files of each split, one or several. */
export type ImageLocation = string | SplitLocations;

export interface SplitLocations {
  readonly train: string | readonly string[];
  readonly validation?: string | readonly string[];
  readonly test?: string | readonly string[];
}

export interface ImageSourceOptions {
  /** The directory that locations are relative to. */
  readonly relativeTo: string;
  /** What holds images and labels, where it can't be told from its name. */
  readonly columns?: { readonly image?: string; readonly label?: string };
}

/** Columns that hold labels, the first of which is taken where the options name none. */
export const labelNames: readonly string[] = ["label", "labels", "fine_label", "class", "target", "category", "class_name", "label_name"];
/** In all files of a split. */
export const MOST_IMAGES = 10_000_000;

const MOST_SHOWN = 20;

/** Says that a column is missing: a chosen one, or one of a known name. */
export function noColumn(
  what: "image" | "label" | "text" | "pair",
  chosen: string | undefined,
  columns: readonly string[],
  where: string,
): LimbeckError {
  return new LimbeckError(chosen === undefined ? `No column is known to hold the ${what}.` : `There is no column "${chosen}".`, {
    where,
    hint: `Say which in columns.${what}: there are ${columns.slice(0, MOST_SHOWN).join(", ")}.`,
  });
}

/** What of each split there is. */
export interface BySplit<T> {
  readonly train: T;
  readonly validation?: T;
  readonly test?: T;
}

export type SplitName = keyof BySplit<unknown>;
export const splitNames = ["train", "validation", "test"] as const;

const spellings: Readonly<Record<SplitName, string>> = {
  train: "train(?:ing)?",
  validation: "validation|valid|val|dev",
  test: "test(?:ing)?",
};

/** The split that a word names, in any of its common spellings. */
export function splitNamed(word: string): SplitName | undefined {
  return splitNames.find((split) => new RegExp(`^(?:${spellings[split]})$`, "i").test(word));
}

/** The same of each split that there is. */
export async function eachSplit<T, U>(splits: BySplit<T>, of: (value: T, split: SplitName) => U | Promise<U>): Promise<BySplit<U>> {
  const made: Partial<Record<SplitName, U>> = {};
  for (const split of splitNames) {
    const value = splits[split];
    if (value !== undefined) made[split] = await of(value, split);
  }
  return made as BySplit<U>;
}

/** How messages call the data set, and a split of it. */
export function nameOf(location: ImageLocation, split: SplitName): string {
  const named = typeof location === "string" ? location : location[split];
  return `${typeof named === "string" ? named : named?.[0]} (${split})`;
}

/**
 * The files of each split. Of a directory: those that it, or its folder `data`, has by a name such as `train.csv`, `train-0001.csv` or
 * `train/0001.csv`; where no name says a split, all of them are for training.
 *
 * @param extensions With their dots.
 * @param expand Paths that stand for several.
 * @throws LimbeckError when there are none.
 */
export async function splitFiles(
  location: ImageLocation,
  { relativeTo }: ImageSourceOptions,
  extensions: readonly string[],
  expand: (path: string) => readonly string[] = (path) => [path],
): Promise<BySplit<readonly string[]>> {
  const files = (paths: string | readonly string[]) =>
    [paths]
      .flat()
      .flatMap(expand)
      .map((path) => resolve(relativeTo, path));
  if (typeof location !== "string") {
    const given = await eachSplit(location, files);
    const empty = splitNames.find((split) => given[split]?.length === 0);
    if (empty) throw new LimbeckError(`The list of files for ${empty} is empty.`, { hint: "Give a file, or leave the split out." });
    return given;
  }
  const path = resolve(relativeTo, location);
  if (!(await isDirectory(path))) return { train: files(location) };
  return (await filesIn(path, extensions)) ?? (await filesIn(join(path, "data"), extensions)) ?? nothingIn(path, extensions);
}

async function filesIn(directory: string, extensions: readonly string[]): Promise<BySplit<readonly string[]> | undefined> {
  const names = await entries(directory);
  const all = within(directory, names, extensions);
  const found: Partial<Record<SplitName, string[]>> = {};
  for (const split of splitNames) {
    const start = new RegExp(`^(?:${spellings[split]})(?:[-_.]|$)`, "i");
    const files = all.filter((path) => start.test(basename(path)));
    for (const folder of names.filter((name) => splitNamed(name) === split).map((name) => join(directory, name))) {
      files.push(...within(folder, await entries(folder), extensions));
    }
    if (files.length > 0) found[split] = files;
  }
  if (found.train) return found as BySplit<string[]>;
  const [split] = Object.keys(found);
  if (split) {
    throw new LimbeckError(`There are files for ${split}, but none for training.`, { where: directory, hint: "Name them train-*." });
  }
  return all.length > 0 ? { train: all } : undefined;
}

function within(directory: string, names: readonly string[], extensions: readonly string[]): string[] {
  return names
    .filter((name) => extensions.some((extension) => name.toLowerCase().endsWith(extension)))
    .map((name) => join(directory, name));
}

/** Names in a directory, but for hidden ones, in order; none if it is no directory. */
async function entries(directory: string): Promise<string[]> {
  return readdir(directory).then(
    (names) => names.filter((name) => !name.startsWith(".")).sort(),
    () => [],
  );
}

async function isDirectory(path: string): Promise<boolean> {
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return undefined;
    throw new LimbeckError("This cannot be read.", { where: path, hint: cause.message, cause });
  });
  return found?.isDirectory() ?? false;
}

function nothingIn(directory: string, extensions: readonly string[]): never {
  throw new LimbeckError(`There is no ${extensions.join(" or ")} file.`, {
    where: directory,
    hint: `Files would be train-*${extensions[0]} and, if there are any, validation-*${extensions[0]}, test-*${extensions[0]}.`,
  });
}
