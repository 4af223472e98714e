import { inMemory, type Samples, type SamplesSource } from "../../data/samples.ts";
import { type Texts, tokenTable } from "../../data/texts.ts";
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
const TEXTS_AT_ONCE = 2 ** 14;

/**
 * A hash of what samples hold, in their order; labels and names don't count. 16 MB are held at a time, and hashed by native code. Of images
 * that are decoded each time, their files' names, sizes and times stand for what they hold.
 */
export async function samplesHash(samples: Samples): Promise<string> {
  if (samples.texts) return textsHash(samples, samples.texts);
  if (samples.fetch && samples.source) return sourceHash(samples.source);
  const size = elementCount(samples.sampleShape);
  const perBlock = Math.max(1, Math.floor(BLOCK_BYTES / (4 * size)));
  const block = new Float32Array(perBlock * size);
  const hashes: string[] = [];
  for (let first = 0; first < samples.length; first += perBlock) {
    const count = Math.min(perBlock, samples.length - first);
    const brought = await inMemory(
      samples,
      Uint32Array.from({ length: count }, (_, row) => first + row),
    );
    for (let row = 0; row < count; row++) brought.read(row, block.subarray(row * size, (row + 1) * size));
    hashes.push(await sha256(new Uint8Array(block.buffer, 0, 4 * count * size)));
  }
  return keyOf({ sampleShape: samples.sampleShape, length: samples.length, hashes });
}

/** Of tokens, and of what they are padded to and with. */
async function textsHash({ length }: Samples, { encoding, lengths, pad }: Texts): Promise<string> {
  const hashes: string[] = [];
  for (let first = 0; first < length; first += TEXTS_AT_ONCE) {
    const count = Math.min(TEXTS_AT_ONCE, length - first);
    const encodings = Array.from({ length: count }, (_, row) => encoding(first + row));
    const { ids, typeIds, ends } = tokenTable(encodings);
    for (const part of [ids, typeIds, ends]) hashes.push(await sha256(new Uint8Array(part.buffer)));
  }
  return keyOf({ length, lengths, pad, hashes });
}

async function sourceHash(source: SamplesSource): Promise<string> {
  if ("memory" in source) return sha256(source.memory.pixels);
  if ("subset" in source) {
    const { of, indices } = source.subset;
    return keyOf({ of: await sourceHash(of), indices: await sha256(new Uint8Array(indices.slice().buffer)) });
  }
  if ("relabelled" in source) return sourceHash(source.relabelled.of);
  const { items, decoding, decoder } = source.images;
  const [fingerprint] = Object.values(items).map((kind) => kind.fingerprint);
  return keyOf({ fingerprint, decoding, decoder });
}
