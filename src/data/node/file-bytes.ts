import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { open } from "node:fs/promises";
import { LimbeckError } from "../../errors.ts";
import type { ByteSpan } from "../image-items.ts";

/** A file in which one looks here and there. */
export interface OpenFile {
  readonly path: string;
  readonly size: number;
  readonly mtimeMs: number;
  /**
   * The bytes from `offset`, as many as there are up to `length`. Valid until the next call. Neighbours of bytes read before cost nothing.
   */
  bytes(offset: number, length: number): Uint8Array;
}

/** What is read at once, however little is asked for. */
const WINDOW = 16 * 1024;

/**
 * Opens a file for as long as `look` takes. Reads block: between two reads there would be nothing else to do, and waiting for each costs more
 * than the read.
 *
 * @throws LimbeckError when it can't be read or is no file.
 */
export async function lookInto<T>(path: string, look: (file: OpenFile) => T | Promise<T>): Promise<T> {
  const descriptor = readable(path, () => openSync(path, "r"));
  try {
    const stats = readable(path, () => fstatSync(descriptor));
    if (!stats.isFile()) throw new LimbeckError("This is no file.", { where: path });
    let window = Buffer.alloc(WINDOW);
    let [start, end] = [0, 0];
    const { size, mtimeMs } = stats;
    return await look({
      path,
      size,
      mtimeMs,
      bytes(offset, length) {
        const wanted = Math.max(0, Math.min(length, size - offset));
        if (wanted === 0) return window.subarray(0, 0);
        if (offset < start || offset + wanted > end) {
          if (wanted > window.length) window = Buffer.alloc(wanted);
          start = offset;
          end = offset + readable(path, () => readSync(descriptor, window, 0, Math.max(wanted, WINDOW), offset));
        }
        return window.subarray(offset - start, Math.min(offset + wanted, end) - start);
      },
    });
  } finally {
    closeSync(descriptor);
  }
}

function readable<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/**
 * Parts of a file, one behind the other.
 *
 * @throws LimbeckError when the file hasn't got them any more.
 */
export async function readSpans(path: string, ...spans: readonly ByteSpan[]): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(spans.reduce((sum, { length }) => sum + length, 0));
  let start = 0;
  try {
    const file = await open(path);
    try {
      for (const { offset, length } of spans) {
        for (let done = 0; done < length; ) {
          const { bytesRead } = await file.read(bytes, start, length - done, offset + done);
          if (bytesRead === 0) throw endsEarly(path, offset + done);
          done += bytesRead;
          start += bytesRead;
        }
      }
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw cause instanceof LimbeckError ? cause : unreadable(path, cause);
  }
  return bytes;
}

function endsEarly(path: string, size: number): LimbeckError {
  return new LimbeckError(`The file ends at ${size} bytes.`, { where: path, hint: "It has changed since it was opened: start again." });
}

/** What is said when the system refuses to read a file. */
export function unreadable(path: string, cause: unknown): LimbeckError {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === "ENOENT") return new LimbeckError("There is no such file.", { where: path, cause });
  return new LimbeckError("The file cannot be read.", { where: path, hint: message, cause });
}
