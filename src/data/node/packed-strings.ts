import type { PackedStrings } from "../image-items.ts";
import { inSharedMemory, sharedFloat64 } from "./shared-memory.ts";

/** Takes texts one by one, of which only their bytes are kept. */
export interface StringPacker {
  readonly length: number;
  push(text: string): void;
  /** All of them, in memory that threads share. */
  packed(): PackedStrings;
}

const SMALLEST = 1024;

export function stringPacker(): StringPacker {
  let bytes = Buffer.allocUnsafeSlow(SMALLEST);
  let ends = new Float64Array(SMALLEST);
  let [used, length] = [0, 0];
  return {
    get length() {
      return length;
    },
    push(text) {
      // A UTF-16 unit takes at most three bytes.
      if (used + 3 * text.length > bytes.length) {
        bytes = Buffer.concat([bytes.subarray(0, used)], 2 * bytes.length + 3 * text.length);
      }
      if (length === ends.length) {
        const more = new Float64Array(2 * length);
        more.set(ends);
        ends = more;
      }
      used += bytes.write(text, used);
      ends[length++] = used;
    },
    packed() {
      return { bytes: inSharedMemory(bytes.subarray(0, used)), ends: sharedFloat64(ends.subarray(0, length)) };
    },
  };
}

export function packStrings(texts: Iterable<string>): PackedStrings {
  const packer = stringPacker();
  for (const text of texts) packer.push(text);
  return packer.packed();
}

export function stringAt({ bytes, ends }: PackedStrings, index: number): string {
  const start = index === 0 ? 0 : (ends[index - 1] as number);
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, (ends[index] as number) - start).toString();
}
