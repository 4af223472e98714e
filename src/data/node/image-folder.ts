import { readdir, realpath, stat } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import { LimbeckError } from "../../errors.ts";
import type { ImageItemSplits, ImageItems } from "../image-items.ts";
import { fileItems } from "./file-items.ts";
import { imageExtensions, isImageName } from "./image-names.ts";
import { stringPacker } from "./packed-strings.ts";

export interface ImageFolderOptions {
  /** The directory that the location is relative to. */
  readonly relativeTo: string;
}

/** The names that the folder of each split may have. */
const splitNames = { train: ["train"], validation: ["val", "valid", "validation"], test: ["test"] } as const;
type SplitName = keyof typeof splitNames;

/**
 * A folder of images for each class, `cat/1.jpg`, or such folders in `train`, `val` (or `valid`, `validation`) and `test`. Classes are in the
 * natural order of their names ("2" before "10"), images in the order of their paths; folders inside of a class belong to it. Symbolic links
 * are followed inside of the directory; hidden files are passed over; what else is no image is told in `notes`.
 *
 * @throws LimbeckError when there are no images, a class has none, or splits have other classes than training.
 */
export async function openImageFolder(location: string, { relativeTo }: ImageFolderOptions): Promise<ImageItemSplits> {
  const root = await directoryAt(resolve(relativeTo, location));
  const leftOut: string[] = [];
  const folders = await splitFolders(root, leftOut);
  const open = async (split: SplitName): Promise<ImageItems | undefined> => {
    const folder = folders[split];
    return folder === undefined ? undefined : imagesBelow(root, folder, `${location} (${split})`, leftOut);
  };
  const [train, validation, test] = [await open("train"), await open("validation"), await open("test")];
  if (!train) throw noImages(root);
  for (const other of [validation, test]) if (other) checkSameClasses(train, other);
  return { train, validation, test, notes: leftOut.length === 0 ? [] : [describeLeftOut(leftOut)] };
}

async function directoryAt(path: string): Promise<string> {
  const isDirectory = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isDirectory)
    throw new LimbeckError("There is no such directory.", {
      where: path,
      hint: "Give a directory with a folder of images for each class.",
    });
  return realpath(path);
}

/** Which folder each split is: with no folder `train` beside others of splits, or alone, all of it is for training. */
async function splitFolders(root: string, leftOut: string[]): Promise<{ readonly [S in SplitName]?: string }> {
  const { folders } = await list(root, root, new Set());
  const names = folders.map(({ name }) => name);
  const found = Object.entries(splitNames).map(
    ([split, known]) => [split, names.filter((name) => known.some((one) => one === name))] as const,
  );
  const ofSplits = found.flatMap(([, matching]) => matching);
  if (!names.includes("train") || (ofSplits.length === 1 && names.length > 1)) return { train: root };
  const twice = found.find(([, matching]) => matching.length > 1);
  if (twice) {
    throw new LimbeckError(`The folders ${twice[1].join(" and ")} are the same split.`, { where: root, hint: "Keep one of them." });
  }
  leftOut.push(...names.filter((name) => !ofSplits.includes(name)));
  return Object.fromEntries(found.flatMap(([split, [name]]) => (name === undefined ? [] : [[split, join(root, name)]])));
}

/** The images of a split, with the folders in it as classes. */
async function imagesBelow(root: string, split: string, name: string, leftOut: string[]): Promise<ImageItems> {
  const visited = new Set<string>();
  const { folders, files } = await list(split, root, visited);
  leftOut.push(...files.map(({ path }) => relative(root, path)));
  const classes = folders.sort((a, b) => naturally(a.name, b.name));
  if (classes.length === 0) throw noImages(split);
  const paths = stringPacker();
  const labels: number[] = [];
  for (const [label, folder] of classes.entries()) {
    for await (const { path, isImage } of filesBelow(folder.path, root, visited)) {
      const fromRoot = relative(root, path);
      if (!isImage) leftOut.push(fromRoot);
      else {
        paths.push(fromRoot);
        labels.push(label);
      }
    }
    if (labels.at(-1) !== label) throw noImages(folder.path, `The class "${folder.name}" has no images.`);
  }
  return fileItems({ name, classes: classes.map((folder) => folder.name), root, paths: paths.packed(), labels: Int32Array.from(labels) });
}

const collator = new Intl.Collator("en", { numeric: true });
const naturally = (a: string, b: string): number => collator.compare(a, b) || (a < b ? -1 : 1);

interface Entry {
  readonly name: string;
  readonly path: string;
  readonly isImage: boolean;
}

/** The files in a folder and in those inside of it, in the order of their paths. */
async function* filesBelow(folder: string, root: string, visited: Set<string>): AsyncIterable<Entry> {
  const { folders, files } = await list(folder, root, visited);
  yield* files;
  for (const { path } of folders) yield* filesBelow(path, root, visited);
}

/**
 * What is in a folder, in the order of the names, but for what is hidden.
 *
 * @param visited Where links have led already: none is followed there twice, and so none for ever.
 */
async function list(folder: string, root: string, visited: Set<string>): Promise<{ folders: Entry[]; files: Entry[] }> {
  const [folders, files]: [Entry[], Entry[]] = [[], []];
  // As bytes, because a name that is no UTF-8 can't be had as text.
  const entries = await readdir(folder, { withFileTypes: true, encoding: "buffer" }).catch((cause: Error) => {
    throw new LimbeckError("The folder cannot be read.", { where: folder, hint: cause.message, cause });
  });
  for (const entry of entries) {
    const name = entry.name.toString();
    if (name.startsWith(".")) continue;
    const path = join(folder, name);
    const isText = Buffer.from(name).equals(entry.name);
    const kind = entry.isSymbolicLink()
      ? await targetKind(path, root, visited)
      : entry.isDirectory()
        ? "folder"
        : entry.isFile()
          ? "file"
          : undefined;
    if (kind === "folder" && isText) folders.push({ name, path, isImage: false });
    else if (kind === "folder")
      throw new LimbeckError("The name of the folder is not UTF-8.", { where: path, hint: "Give it another name." });
    else files.push({ name, path, isImage: kind === "file" && isText && isImageName(name) });
  }
  const byName = (a: Entry, b: Entry): number => (a.name < b.name ? -1 : 1);
  return { folders: folders.sort(byName), files: files.sort(byName) };
}

/** What a link leads to, if that is inside of the root and no folder where a link has led before. */
async function targetKind(path: string, root: string, visited: Set<string>): Promise<"folder" | "file" | undefined> {
  const target = await realpath(path).catch(() => undefined);
  if (target === undefined || !`${target}${sep}`.startsWith(`${root}${sep}`)) return undefined;
  const found = await stat(target);
  if (found.isFile()) return "file";
  // Not to a folder that the link is in, either.
  if (!found.isDirectory() || visited.has(target) || path.startsWith(`${target}${sep}`)) return undefined;
  visited.add(target);
  return "folder";
}

function checkSameClasses(train: ImageItems, other: ImageItems): void {
  const missing = train.classes.filter((name) => !other.classes.includes(name));
  const unknown = other.classes.filter((name) => !train.classes.includes(name));
  const [first] = [...missing, ...unknown];
  if (first === undefined) return;
  throw new LimbeckError(
    missing.length > 0
      ? `There is no class "${first}" here, which training has.`
      : `There is a class "${first}" here, which training lacks.`,
    { where: other.name, hint: "Every split must have the same classes." },
  );
}

function noImages(where: string, message = "There are no folders of images."): LimbeckError {
  return new LimbeckError(message, {
    where,
    hint: `Each class is a folder of ${imageExtensions} files, directly there or in train, val and test.`,
  });
}

/** Names told of a longer list. */
const TOLD = 10;

/** `3 files were left out that are no images: a.txt, b.txt, c.bmp.` */
function describeLeftOut(names: readonly string[]): string {
  const what = names.length === 1 ? "1 entry was left out that is no image" : `${names.length} entries were left out that are no images`;
  return `${what}: ${firstNames(names)}.`;
}

export function firstNames(names: readonly string[]): string {
  const more = names.length > TOLD ? `, and ${names.length - TOLD} more` : "";
  return `${names.slice(0, TOLD).join(", ")}${more}`;
}
