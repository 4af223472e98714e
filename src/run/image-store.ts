import { createHash } from "node:crypto";
import { type FileHandle, open, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import type { FoundImages, ImageStore } from "../data/node/image-samples.ts";
import { explain, LimbeckError } from "../errors.ts";
import { fileError, listDirectory, makeDirectory, writeAtomically } from "./files.ts";

/*
 * A file holds what was found of the images of one split:
 *
 *     0     8 bytes     "limbeckI"
 *     8     uint32      version of the format, little-endian
 *     12    uint32      length of the header
 *     16    32 bytes    SHA-256 of header and pixels
 *     48    the header: JSON
 *           the pixels
 */

const MAGIC = Buffer.from("limbeckI");
const VERSION = 1;
const HEADER = 48;
const CHECKSUM = 16;
const MOST_HEADER = 2 ** 28;
const BLOCK = 2 ** 24;
const EXTENSION = ".bin";

interface Header {
  readonly key: string;
  readonly unreadable: FoundImages["unreadable"];
  /** Bytes. */
  readonly pixels: number;
}

/**
 * Decoded images as files in a directory that keeps itself out of Git. When they come to more than `maxBytes`, those that were not used for
 * longest go. What keeps it from working costs a run no more than the time to decode again, and is told once.
 */
export function fileImageStore(directory: string, maxBytes: number, onNotice?: (text: string) => void): ImageStore {
  let told = false;
  const orNothing = async <T>(work: Promise<T>): Promise<T | undefined> => {
    try {
      return await work;
    } catch (error) {
      if (!(error instanceof LimbeckError)) throw error;
      if (!told) onNotice?.(`Decoded images are not kept for the next run: ${explain(error)}`);
      told = true;
      return undefined;
    }
  };
  return {
    load: (key) => orNothing(load(join(directory, `${key}${EXTENSION}`), key)),
    save: async (key, found) => {
      await orNothing(save(directory, key, found, maxBytes));
    },
  };
}

/** @throws LimbeckError when there is a file that can't be opened. */
async function load(path: string, key: string): Promise<FoundImages | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw fileError(error, path);
  }
  try {
    const found = await read(file, key);
    // The time of the last use.
    if (found) await utimes(path, new Date(), new Date()).catch(() => {});
    return found;
  } catch (error) {
    throw fileError(error, path);
  } finally {
    await file.close();
  }
}

/** Nothing, where the file is damaged, cut short or of something else. */
async function read(file: FileHandle, key: string): Promise<FoundImages | undefined> {
  const { size } = await file.stat();
  const start = Buffer.alloc(HEADER);
  await file.read(start, 0, HEADER, 0);
  const headerBytes = start.readUInt32LE(12);
  const isOurs = start.subarray(0, 8).equals(MAGIC) && start.readUInt32LE(8) === VERSION;
  if (!isOurs || headerBytes > MOST_HEADER || size < HEADER + headerBytes) return undefined;
  const hash = createHash("sha256");
  const text = Buffer.alloc(headerBytes);
  await file.read(text, 0, headerBytes, HEADER);
  const pixels = new Uint8Array(new SharedArrayBuffer(size - HEADER - headerBytes));
  hash.update(text);
  for (let position = 0; position < pixels.length; position += BLOCK) {
    const block = pixels.subarray(position, position + BLOCK);
    const { bytesRead } = await file.read(block, 0, block.length, HEADER + headerBytes + position);
    if (bytesRead < block.length) return undefined;
    hash.update(block);
  }
  if (!hash.digest().equals(start.subarray(CHECKSUM, HEADER))) return undefined;
  const header = JSON.parse(text.toString()) as Header;
  return header.key === key && header.pixels === pixels.length ? { unreadable: header.unreadable, pixels } : undefined;
}

async function save(directory: string, key: string, { unreadable, pixels }: FoundImages, maxBytes: number): Promise<void> {
  const header: Header = { key, unreadable, pixels: pixels.length };
  const text = Buffer.from(JSON.stringify(header));
  const start = Buffer.alloc(HEADER);
  MAGIC.copy(start);
  start.writeUInt32LE(VERSION, 8);
  start.writeUInt32LE(text.length, 12);
  const hash = createHash("sha256").update(text);
  for (let position = 0; position < pixels.length; position += BLOCK) hash.update(pixels.subarray(position, position + BLOCK));
  hash.digest().copy(start, CHECKSUM);
  const bytes = HEADER + text.length + pixels.length;
  if (bytes > maxBytes) return;
  const isNew = (await listDirectory(directory)).length === 0;
  await makeDirectory(directory);
  if (isNew) await writeAtomically(join(directory, ".gitignore"), "*\n");
  await makeRoom(directory, maxBytes - bytes);
  await writeAtomically(join(directory, `${key}${EXTENSION}`), inBlocks(start, text, pixels));
}

function* inBlocks(start: Uint8Array, text: Uint8Array, pixels: Uint8Array): Iterable<Uint8Array> {
  yield start;
  yield text;
  for (let position = 0; position < pixels.length; position += BLOCK) yield pixels.subarray(position, position + BLOCK);
}

/** Removes the files that were used longest ago, until the others have no more than so many bytes; and what was left half-written. */
async function makeRoom(directory: string, most: number): Promise<void> {
  const found = [];
  for (const name of await listDirectory(directory)) {
    const path = join(directory, name);
    const known = await stat(path).catch(() => undefined);
    if (known?.isFile() && !name.startsWith("."))
      found.push({ path, bytes: known.size, used: known.mtimeMs, isWhole: name.endsWith(EXTENSION) });
  }
  let total = found.reduce((sum, { bytes }) => sum + bytes, 0);
  for (const { path, bytes, used, isWhole } of found.sort((a, b) => a.used - b.used)) {
    const isStale = !isWhole && Date.now() - used > STALE_MS;
    if (!isStale && (!isWhole || total <= most)) continue;
    await rm(path, { force: true });
    total -= bytes;
  }
}

/** What a process that was killed has left half-written is removed when no living one can be at it any more. */
const STALE_MS = 3_600_000;
