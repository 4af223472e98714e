import { createHash, randomUUID } from "node:crypto";
import { copyFile, lstat, mkdir, rename, rm } from "node:fs/promises";
import { dirname, extname, join, resolve } from "node:path";
import { LimbeckError } from "../errors.ts";
import { fileError, listDirectory, makeDirectory, readBytes, writeAtomically } from "../run/files.ts";
import { readOnnxBytes } from "../run/onnx-file.ts";
import { filesBelow, REFERENCE, treeHash } from "./recipe-files.ts";

/** What machines share, and find files in by their content. */
export interface Store {
  /** What it is called in messages. */
  readonly name: string;
  /** Where this machine has it, or what it has brought of it. */
  readonly directory: string;
  /** @throws LimbeckError at once, when it can't be used. */
  check(): Promise<void>;
  /** Puts a file or directory there, unless it is. */
  put(reference: string, path: string): Promise<void>;
  /** Brings what is there to this machine; whether it is there. */
  bring(reference: string): Promise<boolean>;
  /** A file, checked. */
  read(reference: string): Promise<Uint8Array>;
  /** Where a file or directory is on this machine, checked once by each process. */
  locate(reference: string): Promise<string>;
  /** Where teachers' outputs are kept. */
  readonly teacherCache: string;
}

/** Where a directory has what a reference is of. @throws LimbeckError where it is none. */
export function placeIn(root: string, reference: string): string {
  const [, hash, ending] = REFERENCE.exec(reference) ?? [];
  if (hash === undefined || ending === undefined)
    throw new LimbeckError(`"${reference}" is no name of a file in a store.`, { where: root });
  return ending === "/" ? join(root, "trees", hash) : join(root, "files", `${hash}${ending}`);
}

/**
 * A directory as a store.
 *
 * @throws LimbeckError from its functions, when the directory can't be used, or what is in it isn't what it is said to be.
 */
export function directoryStore(directory: string): Store {
  const root = resolve(directory);
  const place = (reference: string): string => placeIn(root, reference);
  const bring = (reference: string): Promise<boolean> =>
    lstat(place(reference)).then(
      () => true,
      () => false,
    );
  const read = async (reference: string): Promise<Uint8Array> => {
    const bytes = await readBytes(place(reference));
    if (reference.includes(createHash("sha256").update(bytes).digest("hex"))) return bytes;
    throw changed(place(reference));
  };
  return {
    name: root,
    directory: root,
    check: async () => void (await listDirectory(root)),
    bring,
    read,
    put: async (reference, path) => {
      if (await bring(reference)) return;
      const target = place(reference);
      await makeDirectory(dirname(target));
      if (reference.endsWith("/")) await copyTree(path, target);
      else if (extname(target) === ".onnx") await writeAtomically(target, await readOnnxBytes(path));
      else await copyBeside(path, target);
    },
    locate: async (reference) => {
      const path = place(reference);
      const known = located.get(path) ?? check(reference, path);
      located.set(path, known);
      known.catch(() => located.delete(path));
      return known;
    },
    teacherCache: join(root, "teacher-cache"),
  };

  async function check(reference: string, path: string): Promise<string> {
    if (!reference.endsWith("/")) await read(reference);
    else if (!reference.includes(await linklessTreeHash(path))) throw changed(path);
    return path;
  }
}

/** What this process has checked. */
const located = new Map<string, Promise<string>>();

export const changed = (path: string): LimbeckError =>
  new LimbeckError("What the store has there isn't what its name says.", { where: path, hint: "Delete it there, and start again." });

/** A store has no links: they would lead out of it. */
async function linklessTreeHash(path: string): Promise<string> {
  try {
    for (const name of await filesBelow(path)) {
      if (!(await lstat(join(path, name))).isFile()) throw changed(join(path, name));
    }
    return await treeHash(path);
  } catch (error) {
    throw fileError(error, path);
  }
}

async function copyTree(from: string, to: string): Promise<void> {
  const beside = `${to}.${randomUUID()}.tmp`;
  try {
    for (const name of await filesBelow(from)) {
      const target = join(beside, name);
      await mkdir(dirname(target), { recursive: true });
      await copyFile(join(from, name), target);
    }
    await rename(beside, to);
  } catch (error) {
    await rm(beside, { recursive: true, force: true });
    // Another process was as fast.
    if (["ENOTEMPTY", "EEXIST"].includes(String((error as NodeJS.ErrnoException).code))) return;
    throw fileError(error, to);
  }
}

async function copyBeside(from: string, to: string): Promise<void> {
  const beside = `${to}.${randomUUID()}.tmp`;
  try {
    await copyFile(from, beside);
    await rename(beside, to);
  } catch (error) {
    await rm(beside, { force: true });
    throw fileError(error, to);
  }
}
