import { readdir, stat } from "node:fs/promises";
import { extname, join, resolve } from "node:path";
import { LimbeckError } from "../../errors.ts";
import { type SourceKind, sourceKinds } from "../data-source.ts";
import { isImageName } from "./image-names.ts";

/** A source as the command line names it: a kind, and where it is. */
export type FoundSource = { readonly [K in SourceKind]?: string };

const ofFiles: Readonly<Record<string, SourceKind>> = {
  ".parquet": "parquet",
  ".csv": "manifest",
  ".tsv": "manifest",
  ".jsonl": "manifest",
  ".ndjson": "manifest",
  ".tar": "webdataset",
};
/** What tells the kind of a directory, in the order in which it is looked for. */
const signs: readonly (readonly [kind: SourceKind, what: string, sign: RegExp])[] = [
  ["idx", "IDX files (train-images-idx3-ubyte, ...)", /^(train|t10k)-(images|labels)[-.]idx[13]-ubyte(\.gz)?$/],
  ["cifar", "CIFAR's .bin files", /^(data_batch_\d|test_batch|train|test)\.bin$/],
  ["parquet", ".parquet files", /^[^.].*\.parquet$/],
  ["webdataset", ".tar files", /^[^.].*\.tar$/],
  ["manifest", "lists of images (train.csv, ...)", /^train(ing)?([-_.].*)?\.(csv|tsv|jsonl|ndjson)$/i],
];
/** Folders in which the files of a data set may be. */
const inner = ["", "data", "train"];

/**
 * Where data named in one word are: `KIND:PATH`, a file whose extension says its kind, or a directory whose content does.
 *
 * @returns The kind and an absolute path, or the name of a package's directory.
 * @throws LimbeckError when there is nothing, or nothing that is known.
 */
export async function findSource(location: string, relativeTo: string): Promise<FoundSource> {
  if (location.startsWith("npm:")) return { idx: location };
  const [, named = "", rest = ""] = /^(\w+):(.*)$/s.exec(location) ?? [];
  const kind = sourceKinds.find((known) => known === named);
  if (kind) return { [kind]: rest.startsWith("npm:") ? rest : resolve(relativeTo, rest) };
  const path = resolve(relativeTo, location);
  const found = await stat(path).catch(() => undefined);
  if (!found) {
    throw new LimbeckError("There is no such file or directory.", {
      where: path,
      hint: `Give a path, or KIND:PATH with a kind of ${KINDS}.`,
    });
  }
  const kindFound = found.isDirectory() ? await kindOfDirectory(path) : ofFiles[extname(path).toLowerCase()];
  if (kindFound) return { [kindFound]: path };
  const looked = found.isDirectory()
    ? [...signs.map(([, what]) => what), "folders of images"]
    : Object.keys(ofFiles).map((extension) => `${extension} files`);
  throw new LimbeckError(`No data set was found there: looked for ${looked.join(", ")}.`, {
    where: path,
    hint: `Say what it is: KIND:PATH with a kind of ${KINDS}.`,
  });
}

const KINDS = sourceKinds.join(", ");

/** What is found of texts: what lies in files of rows are images by their paths or bytes, unless somebody knows better. */
export function asTexts(source: FoundSource): FoundSource {
  const files = source.text ?? source.manifest ?? source.parquet;
  return files === undefined ? source : { text: files };
}

async function kindOfDirectory(path: string): Promise<SourceKind | undefined> {
  const listed = await Promise.all(inner.map((folder) => readdir(join(path, folder)).catch(() => [])));
  const [found = []] = listed
    .map((names) => signs.filter(([, , sign]) => names.some((name) => sign.test(name))))
    .filter(({ length }) => length > 0);
  if (found.length > 1) {
    throw new LimbeckError(`There are ${found.map(([, what]) => what).join(" and ")}.`, {
      where: path,
      hint: `Say which are meant: ${found.map(([kind]) => `${kind}:${path}`).join(" or ")}.`,
    });
  }
  return found[0]?.[0] ?? ((await holdsFoldersOfImages(path)) ? "imageFolder" : undefined);
}

/** Whether there are folders of images here or one floor below, as in `train/cats`. */
async function holdsFoldersOfImages(path: string, depth = 2): Promise<boolean> {
  for (const name of await readdir(path).catch(() => [])) {
    const names = await readdir(join(path, name)).catch(() => []);
    if (names.some(isImageName) || (depth > 1 && (await holdsFoldersOfImages(join(path, name), depth - 1)))) return true;
  }
  return false;
}
