import { createHash, randomUUID } from "node:crypto";
import { createWriteStream, openAsBlob } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, extname, join, resolve, sep } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { LimbeckError } from "../../errors.ts";
import { fileError } from "../../run/files.ts";
import { readOnnxBytes } from "../../run/onnx-file.ts";
import { REFERENCE, treeList } from "../recipe-files.ts";
import { changed, directoryStore, placeIn, type Store } from "../store.ts";
import { type Bucket, MOST_BYTES, openBucket } from "./bucket.ts";

/** What this machine has brought from a bucket, or made for it. */
export const mirrorOf = ({ path }: Bucket): string => resolve(".cache/limbeck/s3", path);

/** Objects that are sent or brought at a time: each takes a round trip. */
const PARALLEL = 16;
/** Of a list of a directory's files. */
const MOST_LISTED_BYTES = 2 ** 28;

/**
 * A bucket as a store. The content of each file is an object `blobs/HASH`; a directory is one more, `trees/HASH`, with the names and hashes
 * of its files, which is written last. What a machine needs of it lies in `.cache/limbeck/s3` there, as in a store that is a directory.
 *
 * @throws LimbeckError where the URL is none, or the environment has no credentials; and from its functions, whatever S3 answers.
 */
export function s3Store(url: string): Store {
  const bucket = openBucket(url);
  const local = directoryStore(mirrorOf(bucket));
  const underWay = new Map<string, Promise<boolean>>();

  const putFile = async (hash: string, path: string): Promise<void> => {
    if (await bucket.has(blob(hash))) return;
    const content = await contentOf(path);
    const size = content instanceof Blob ? content.size : content.length;
    if (size > MOST_BYTES) {
      throw new LimbeckError("The file is larger than S3 takes at once (5 GiB).", {
        where: path,
        hint: "Use several smaller ones (Parquet files, tar archives), or a store that is a directory.",
      });
    }
    await bucket.put(blob(hash), content, hash);
  };
  const bringTree = async (hash: string, target: string): Promise<boolean> => {
    const list = await bucket.get(`trees/${hash}`, (content) => allOf(content, MOST_LISTED_BYTES, bucket.name));
    if (!list) return false;
    if (sha256(list) !== hash) throw changed(`${bucket.name}/trees/${hash}`);
    const beside = `${target}.${randomUUID()}.tmp`;
    try {
      await eachOf(filesOf(list, beside, bucket.name), async ({ path, content }) => {
        if (!(await bring(bucket, content, path)))
          throw new LimbeckError("The store lacks a file of a directory.", { where: `${bucket.name}/${blob(content)}` });
      });
      await rename(beside, target);
    } catch (error) {
      await rm(beside, { recursive: true, force: true });
      // Another process was as fast.
      if (!["ENOTEMPTY", "EEXIST"].includes(String((error as NodeJS.ErrnoException).code))) throw fileError(error, target);
    }
    return true;
  };
  const bringOnce = (reference: string): Promise<boolean> => {
    const [, hash = "", ending] = REFERENCE.exec(reference) ?? [];
    const place = placeIn(local.directory, reference);
    const known = underWay.get(reference) ?? (ending === "/" ? bringTree(hash, place) : bring(bucket, hash, place));
    underWay.set(reference, known);
    return known.finally(() => underWay.delete(reference));
  };
  const store: Store = {
    ...local,
    name: bucket.name,
    check: bucket.check,
    bring: async (reference) => (await local.bring(reference)) || bringOnce(reference),
    put: async (reference, path) => {
      const [, hash = "", ending] = REFERENCE.exec(reference) ?? [];
      if (ending !== "/") return putFile(hash, path);
      if (await bucket.has(`trees/${hash}`)) return;
      const list = new TextEncoder().encode(await treeList(path));
      const contents = new Map(filesOf(list, path, path).map((file) => [file.content, file.path]));
      await eachOf([...contents], ([content, file]) => putFile(content, file));
      await bucket.put(`trees/${hash}`, list, hash);
    },
    read: async (reference) => {
      await store.bring(reference);
      return local.read(reference);
    },
    locate: async (reference) => {
      await store.bring(reference);
      return local.locate(reference);
    },
    teacherCache: `${bucket.name}/teacher-cache`,
  };
  return store;
}

const blob = (hash: string): string => `blobs/${hash}`;
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** What a file's hash is of. */
async function contentOf(path: string): Promise<Blob | Uint8Array> {
  if (extname(path).toLowerCase() === ".onnx") return readOnnxBytes(path);
  return openAsBlob(path).catch((error: unknown) => Promise.reject(fileError(error, path)));
}

/** Writes an object to a file as it comes, beside first; whether there is one. @throws LimbeckError when its content isn't what its name says. */
async function bring(bucket: Bucket, hash: string, path: string): Promise<boolean> {
  const beside = `${path}.${randomUUID()}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    const found = await bucket.get(blob(hash), async (content) => {
      const digest = createHash("sha256");
      const hashed = async function* (pieces: AsyncIterable<Uint8Array>) {
        for await (const piece of pieces) {
          digest.update(piece);
          yield piece;
        }
      };
      await pipeline(
        Readable.fromWeb(content as Parameters<typeof Readable.fromWeb>[0]),
        hashed,
        createWriteStream(beside, { flush: true }),
      );
      return digest.digest("hex");
    });
    if (found === undefined) return false;
    if (found !== hash) throw changed(`${bucket.name}/${blob(hash)}`);
    await rename(beside, path);
    return true;
  } catch (error) {
    throw fileError(error, path);
  } finally {
    await rm(beside, { force: true });
  }
}

/** The whole of an object that has no more than so many bytes. */
export async function allOf(content: ReadableStream<Uint8Array>, most: number, where: string): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of content as unknown as AsyncIterable<Uint8Array>) {
    bytes += piece.length;
    if (bytes > most) throw new LimbeckError(`What the store has there has more than ${most} bytes.`, { where });
    pieces.push(piece);
  }
  return new Uint8Array(Buffer.concat(pieces));
}

/** The files of a list that may come from anywhere: where each lies below a directory, and the hash of its content. */
function filesOf(list: Uint8Array, directory: string, where: string): readonly { readonly path: string; readonly content: string }[] {
  const root = resolve(directory) + sep;
  const text = new TextDecoder().decode(list);
  const files = [...text.matchAll(/([^\0]+)\0([0-9a-f]{64})\n/gy)].map(([line, name = "", content = ""]) => ({
    line,
    path: join(root, name),
    content,
  }));
  const whole = files.reduce((sum, { line }) => sum + line.length, 0) === text.length;
  if (whole && files.every(({ path }) => path.startsWith(root))) return files;
  throw new LimbeckError("What the store has there is no list of a directory's files.", { where });
}

/** Does something with each, some at a time; the first that fails ends it. */
async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = items[Symbol.iterator]();
  let failed = false;
  const worker = async (): Promise<void> => {
    for (const item of left) {
      if (failed) return;
      await work(item).catch((error: unknown) => {
        failed = true;
        throw error;
      });
    }
  };
  // None is at it any more when the caller hears of it.
  const ended = await Promise.allSettled(Array.from({ length: PARALLEL }, worker));
  for (const end of ended) if (end.status === "rejected") throw end.reason;
}
