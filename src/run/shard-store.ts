import { closeSync, openSync, readSync } from "node:fs";
import { readdir, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ShardStore } from "../distill/cache/store.ts";
import { LimbeckError } from "../errors.ts";
import { fileError, listDirectory, makeDirectory, readIfThere, writeAtomically } from "./files.ts";

/** Systems allow a process some 1000 open files or more. */
const MOST_OPEN = 400;
/** What a process that was killed has left half-written is removed when no living one can be at it any more. */
const STALE_MS = 3_600_000;

/**
 * Shards as files in a directory, which is made with the first of them and keeps itself out of Git. Any number of processes may fill it:
 * each file is written beside and renamed, and whoever writes one of the same name writes the same.
 */
export function fileShardStore(directory: string): ShardStore {
  const files = openFiles(directory);
  let made = false;
  const make = async (path: string) => {
    const first = !made && (await listDirectory(directory)).length === 0;
    await makeDirectory(dirname(path));
    if (first) await writeAtomically(join(directory, ".gitignore"), "*\n");
    if (!made) await removeStale(directory);
    made = true;
  };
  return {
    name: directory,
    sizes: () => sizesIn(directory),
    // A Buffer of Node's is over an ArrayBuffer; only its type says less.
    load: (name) => readIfThere(join(directory, name)) as Promise<Uint8Array<ArrayBuffer> | undefined>,
    save: async (name, bytes) => {
      const path = join(directory, name);
      await make(path);
      await writeAtomically(path, bytes);
    },
    read: (name, position, target) => files.read(name, position, target),
    close: files.close,
  };
}

/** Files kept open for reading: the ones opened last. */
function openFiles(directory: string) {
  const open = new Map<string, number>();
  const descriptor = (name: string): number => {
    const known = open.get(name);
    if (known !== undefined) return known;
    const [oldest] = open;
    if (oldest && open.size >= MOST_OPEN) {
      closeSync(oldest[1]);
      open.delete(oldest[0]);
    }
    const opened = openSync(join(directory, name), "r");
    open.set(name, opened);
    return opened;
  };
  return {
    read: (name: string, position: number, target: Uint8Array): void => {
      const path = join(directory, name);
      try {
        if (readSync(descriptor(name), target, 0, target.length, position) === target.length) return;
      } catch (error) {
        throw fileError(error, path);
      }
      throw new LimbeckError("The file ends too early.", { where: path, hint: "Something has cut it short since the run began." });
    },
    close: (): void => {
      for (const opened of open.values()) closeSync(opened);
      open.clear();
    },
  };
}

/** Every file below a directory; none that vanishes meanwhile. */
async function filesBelow(directory: string): Promise<{ readonly name: string; readonly bytes: number; readonly modified: number }[]> {
  try {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    const found = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
    const stats = await Promise.all(found.map((path) => stat(path).catch(() => undefined)));
    return stats.flatMap((known, index) =>
      known ? [{ name: (found[index] as string).slice(directory.length + 1), bytes: known.size, modified: known.mtimeMs }] : [],
    );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw fileError(error, directory);
  }
}

async function sizesIn(directory: string): Promise<ReadonlyMap<string, number>> {
  return new Map((await filesBelow(directory)).map(({ name, bytes }) => [name, bytes]));
}

async function removeStale(directory: string): Promise<void> {
  for (const { name, modified } of await filesBelow(directory)) {
    if (name.endsWith(".tmp") && Date.now() - modified > STALE_MS) await rm(join(directory, name), { force: true });
  }
}
