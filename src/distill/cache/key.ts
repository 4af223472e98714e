import type { Samples } from "../../data/samples.ts";
import { elementCount } from "../../graph/tensor.ts";

/** SHA-256, in hexadecimal. */
export async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The key of everything that a plain object says. The order of its entries counts. */
export function keyOf(description: Readonly<Record<string, unknown>>): Promise<string> {
  return sha256(new TextEncoder().encode(JSON.stringify(description)));
}

const BLOCK_BYTES = 2 ** 24;

/** A hash of what samples hold, in their order; labels and names don't count. 16 MB are held at a time, and hashed by native code. */
export async function samplesHash(samples: Samples): Promise<string> {
  const size = elementCount(samples.sampleShape);
  const perBlock = Math.max(1, Math.floor(BLOCK_BYTES / (4 * size)));
  const block = new Float32Array(perBlock * size);
  const hashes: string[] = [];
  for (let first = 0; first < samples.length; first += perBlock) {
    const count = Math.min(perBlock, samples.length - first);
    for (let row = 0; row < count; row++) samples.read(first + row, block.subarray(row * size, (row + 1) * size));
    hashes.push(await sha256(new Uint8Array(block.buffer, 0, 4 * count * size)));
  }
  return keyOf({ sampleShape: samples.sampleShape, length: samples.length, hashes });
}
