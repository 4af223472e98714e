import type { SamplesSource } from "../samples.ts";

/** The bytes where every thread can read them: a copy, unless they are there already. */
export function inSharedMemory(bytes: Uint8Array): Uint8Array {
  if (bytes.buffer instanceof SharedArrayBuffer) return bytes;
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  return shared;
}

/** Labels where every thread can read them: a copy, unless they are there already. */
export function labelsInSharedMemory(labels: Int32Array): Int32Array {
  if (labels.buffer instanceof SharedArrayBuffer) return labels;
  const shared = new Int32Array(new SharedArrayBuffer(labels.byteLength));
  shared.set(labels);
  return shared;
}

/** A source whose pixels are not copied when it is sent to a thread. */
export function sharedSource(source: SamplesSource): SamplesSource {
  if ("memory" in source) return { memory: { ...source.memory, pixels: inSharedMemory(source.memory.pixels) } };
  if ("images" in source) return source;
  const { of, indices } = source.subset;
  return { subset: { of: sharedSource(of), indices } };
}
