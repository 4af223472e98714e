import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { LimbeckError } from "../errors.ts";

/** What the operating system's codes mean to a user. */
const reasons: Readonly<Record<string, readonly [what: string, hint: string]>> = {
  ENOENT: ["There is no such file or directory", "Check the path."],
  EACCES: ["Permission denied", "Choose a place that you may read and write."],
  EPERM: ["Permission denied", "Choose a place that you may read and write."],
  EROFS: ["The file system is read-only", "Choose a place that can be written."],
  ENOTDIR: ["A part of the path is a file, not a directory", "Choose another path."],
  EEXIST: ["A file is in the way", "Choose another path."],
  EISDIR: ["It is a directory, not a file", "Give the path of a file."],
  ERR_FS_FILE_TOO_LARGE: ["The file is larger than 2 GB", "Give a smaller one."],
  ENAMETOOLONG: ["The path is too long", "Choose a shorter one."],
};
/** What may come over a run that began well. */
const shortages: typeof reasons = {
  ENOSPC: ["The disk is full", "Free some space and run again with --resume."],
  EDQUOT: ["The disk quota is used up", "Free some space and run again with --resume."],
  EFBIG: ["The file is larger than the system allows", "Raise the limit (ulimit -f) and run again with --resume."],
  EIO: ["The disk cannot be read or written", "Check the disk and run again with --resume."],
};

/** A file system error as a message for the user; other errors pass through. */
export function fileError(error: unknown, path: string): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const reason = reasons[code] ?? shortages[code];
  return reason
    ? new LimbeckError(`${reason[0]}.`, { where: path, hint: reason[1], exitCode: code in shortages ? 1 : 2, cause: error })
    : error;
}

/** Reads a whole file. @throws LimbeckError when it can't be read. */
export async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw fileError(error, path);
  }
}

/** Like `readBytes`, but `undefined` when there is no such file. */
export async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw fileError(error, path);
  }
}

/** The names in a directory; none where there is no such directory. */
export async function listDirectory(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw fileError(error, path);
  }
}

/** Makes a directory, with those above it. @throws LimbeckError when it can't be made. */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    throw fileError(error, path);
  }
}

const TEMPORARY = ".tmp";

/** Removes what a process that was killed while it wrote has left in directories. */
export async function removeTemporary(...directories: readonly string[]): Promise<void> {
  for (const directory of directories) {
    for (const name of await listDirectory(directory)) {
      if (name.endsWith(TEMPORARY)) await rm(join(directory, name), { force: true });
    }
  }
}

/**
 * Writes a file so that at every moment either the old content or the new is there: beside it first, then renamed over it.
 *
 * @throws LimbeckError when the disk is full or the place can't be written; the old file stays and nothing is left behind.
 */
export async function writeAtomically(path: string, content: Uint8Array | string | Iterable<Uint8Array>): Promise<void> {
  const beside = `${path}.${randomUUID()}${TEMPORARY}`;
  try {
    const file = await open(beside, "wx");
    try {
      await writeFile(file, content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true }).catch(() => undefined);
    throw fileError(error, path);
  }
}

/** Writes several files; their directories are made first. */
export async function writeAll(files: Readonly<Record<string, Uint8Array | string>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await makeDirectory(dirname(path));
    await writeAtomically(path, content);
  }
}

/**
 * Like `writeAll`, but overwrites nothing: files that are there already must have the same content.
 *
 * @throws LimbeckError when one has another content; nothing is written then.
 */
export async function writeNew(files: Readonly<Record<string, Uint8Array | string>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    const old = await readIfThere(path);
    if (old && !Buffer.from(old).equals(Buffer.from(content))) {
      throw new LimbeckError("There is another file of this name.", { where: path, hint: "Choose another folder with --out." });
    }
  }
  await writeAll(files);
}
