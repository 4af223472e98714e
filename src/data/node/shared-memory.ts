import type { SamplesSource } from "../samples.ts";

/** The bytes where every thread can read them: a copy, unless they are there already. */
export function inSharedMemory(bytes: Uint8Array): Uint8Array {
  if (bytes.buffer instanceof SharedArrayBuffer) return bytes;
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  return shared;
}

/** Numbers where every thread can read them. */
export function sharedInt32(numbers: ArrayLike<number>): Int32Array {
  const shared = new Int32Array(new SharedArrayBuffer(numbers.length * Int32Array.BYTES_PER_ELEMENT));
  shared.set(numbers);
  return shared;
}

export function sharedFloat64(numbers: ArrayLike<number>): Float64Array {
  const shared = new Float64Array(new SharedArrayBuffer(numbers.length * Float64Array.BYTES_PER_ELEMENT));
  shared.set(numbers);
  return shared;
}

/** A source whose pixels are not copied when it is sent to a thread. */
export function sharedSource(source: SamplesSource): SamplesSource {
  if ("memory" in source) return { memory: { ...source.memory, pixels: inSharedMemory(source.memory.pixels) } };
  if ("relabelled" in source) return { relabelled: { ...source.relabelled, of: sharedSource(source.relabelled.of) } };
  if ("images" in source) return source;
  const { of, indices } = source.subset;
  return { subset: { of: sharedSource(of), indices } };
}
