import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { extname, join, relative, resolve, sep } from "node:path";
import { sourceKinds } from "../data/data-source.ts";
import { expandBraces } from "../data/node/webdataset.ts";
import { LimbeckError } from "../errors.ts";
import { fileError } from "../run/files.ts";
import { readOnnxBytes } from "../run/onnx-file.ts";

/** What a path in a recipe leads to. */
export type PathKind = "network" | "data" | "list" | "directory";

type Plain = Readonly<Record<string, unknown>>;

const isPlain = (value: unknown): value is Plain => typeof value === "object" && value !== null && !Array.isArray(value);

/** A recipe, as written or resolved, with other paths. */
export function mapPaths<R>(recipe: R, map: (path: string, kind: PathKind) => string): R {
  if (!isPlain(recipe)) return recipe;
  const each = (value: unknown, change: (value: unknown) => unknown): unknown => (Array.isArray(value) ? value.map(change) : change(value));
  const network = (value: unknown): unknown => {
    if (typeof value === "string") return map(value, "network");
    if (!isPlain(value)) return value;
    const { weights } = value;
    return {
      ...value,
      ...(typeof value.file === "string" && { file: map(value.file, "network") }),
      ...(isPlain(weights) && typeof weights.file === "string" && { weights: { ...weights, file: map(weights.file, "network") } }),
    };
  };
  const files = (value: unknown, kind: PathKind): unknown =>
    isPlain(value)
      ? Object.fromEntries(Object.entries(value).map(([split, inside]) => [split, files(inside, kind)]))
      : each(value, (path) => (typeof path === "string" ? map(path, kind) : path));
  const source = (key: string, value: unknown): unknown =>
    [...sourceKinds, "tokenizer"].includes(key) ? files(value, key === "manifest" ? "list" : "data") : value;
  const data = (value: unknown): unknown =>
    isPlain(value) ? Object.fromEntries(Object.entries(value).map(([key, inside]) => [key, source(key, inside)])) : value;
  const inside: Readonly<Record<string, (value: unknown) => unknown>> = {
    teacher: (value) => each(value, network),
    student: network,
    assistants: (value) => each(value, network),
    mutual: (value) => (isPlain(value) ? { ...value, peers: each(value.peers, network) } : value),
    data,
    stages: (value) =>
      each(value, (stage) => (isPlain(stage) ? { ...stage, ...(stage.data !== undefined && { data: data(stage.data) }) } : stage)),
    cache: (value) =>
      isPlain(value) && typeof value.directory === "string" ? { ...value, directory: map(value.directory, "directory") } : value,
  };
  return Object.fromEntries(
    Object.entries(recipe).map(([key, value]) => [key, Object.hasOwn(inside, key) ? inside[key]?.(value) : value]),
  ) as R;
}

/** What the files are that a recipe names: `sha256:HASH.EXTENSION`, and for a directory `sha256:HASH/`, by path. */
export type Files = Readonly<Record<string, string>>;

export const REFERENCE = /^sha256:([0-9a-f]{64})(\.[a-z0-9]{1,12}|\/)$/;

/** Looks up what the files are that recipes name. @throws LimbeckError when one isn't there or can't be read. */
export type FindFiles = (recipe: unknown) => Promise<Files>;

/** @param found Is told of each file and directory, once, before a recipe is answered that names it. */
export function fileFinder(relativeTo: string, found?: (reference: string, path: string) => Promise<void>): FindFiles {
  const known = new Map<string, Promise<string>>();
  const find = async (path: string): Promise<string> => {
    const absolute = path.startsWith("npm:") ? packageDirectory(path, relativeTo) : resolve(relativeTo, path);
    const reference = await referenceOf(absolute);
    await found?.(reference, absolute);
    return reference;
  };
  return async (recipe) => {
    const paths = new Set<string>();
    mapPaths(recipe, (path, kind) => {
      const named = kind === "data" ? expandBraces(path) : [path];
      if (found && (kind === "list" || named.length > 1)) throw scattered(path);
      if (kind !== "directory") for (const one of named) paths.add(one);
      return path;
    });
    const files: Record<string, string> = {};
    for (const path of [...paths].sort()) {
      if (!known.has(path)) known.set(path, find(path));
      files[path] = (await known.get(path)) as string;
    }
    return files;
  };
}

const scattered = (path: string): LimbeckError =>
  new LimbeckError("Workers on other machines don't get the files that this stands for.", {
    where: path,
    hint: "Name the directory instead: of images, of Parquet files or of tar archives.",
  });

/** As Node looks for packages, but for a directory; `npm:package/directory`. */
function packageDirectory(location: string, relativeTo: string): string {
  const inside = location.slice("npm:".length);
  const name = inside.split("/", inside.startsWith("@") ? 2 : 1).join("/");
  for (const folder of createRequire(join(resolve(relativeTo), "any.js")).resolve.paths(name) ?? []) {
    const directory = join(folder, inside);
    if (existsSync(directory)) return directory;
  }
  throw new LimbeckError(`The package ${name} is not installed.`, { where: location, hint: `Run: npm install ${name}` });
}

/** Hashes of files that haven't changed since. */
const hashed = new Map<string, { readonly state: string; readonly hash: string }>();

async function referenceOf(path: string): Promise<string> {
  try {
    if ((await stat(path)).isDirectory()) return `sha256:${await treeHash(path)}/`;
    const extension = extname(path).toLowerCase();
    return `sha256:${await fileHash(path)}${/^\.[a-z0-9]{1,12}$/.test(extension) ? extension : ".file"}`;
  } catch (error) {
    throw fileError(error, path);
  }
}

/** Of a file's content; of a model's with all its weights in it. */
export async function fileHash(path: string): Promise<string> {
  const { size, mtimeMs } = await stat(path);
  const state = `${size} ${mtimeMs}`;
  const known = hashed.get(path);
  if (known?.state === state) return known.hash;
  const hash = createHash("sha256");
  if (extname(path).toLowerCase() === ".onnx") hash.update(await readOnnxBytes(path));
  else for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  const digest = hash.digest("hex");
  hashed.set(path, { state, hash: digest });
  return digest;
}

/** Of all files below a directory, and their names. */
export async function treeHash(directory: string): Promise<string> {
  return createHash("sha256")
    .update(await treeList(directory))
    .digest("hex");
}

/** Of each file below a directory a line with its name, a NUL, and the hash of its content. */
export async function treeList(directory: string): Promise<string> {
  const lines: string[] = [];
  for (const name of await filesBelow(directory)) lines.push(`${name}\0${await fileHash(join(directory, name))}\n`);
  return lines.join("");
}

/** The names of all files below a directory, with slashes, sorted. @throws LimbeckError where one is a link to a directory. */
export async function filesBelow(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const names: string[] = [];
  for (const entry of entries) {
    if (entry.isDirectory()) continue;
    const path = join(entry.parentPath, entry.name);
    if (!(await stat(path)).isFile()) {
      throw new LimbeckError("Data for a search must lie in files: this is a link to a directory, or a device.", { where: path });
    }
    names.push(relative(directory, path).split(sep).join("/"));
  }
  return names.sort();
}
