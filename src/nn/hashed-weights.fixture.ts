import { elementCount, type Float32Tensor, float32 } from "../graph/tensor.ts";

// Test helper, not part of the package. Weights and inputs that need no file: each number is a hash of the tensor's name and the element's
// index (scripts/golden/hashed_weights.py).

/** FNV-1a over a text's bytes, 32 bits. */
export function nameHash(text: string): number {
  return Buffer.from(text).reduce((hash, byte) => Math.imul(hash ^ byte, 0x01000193), 0x811c9dc5) >>> 0;
}

/** `value` of numbers in [0, 1): murmur3's finaliser over the index and a hash of the name. */
export function hashed(name: string, shape: readonly number[], value: (u: number) => number): Float32Tensor {
  const key = nameHash(name);
  const data = new Float32Array(elementCount(shape));
  for (let index = 0; index < data.length; index++) {
    let hash = Math.imul(index, 0x9e3779b1) ^ key;
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    data[index] = value(((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32);
  }
  return float32(data, shape);
}

/** The weight of this name and shape: scales about 1, offsets about 0, and weights that keep the size of activations. */
export function hashedWeight(name: string, shape: readonly number[]): Float32Tensor {
  const isScale = /(scale|running_var)$/.test(name) || (name.endsWith("weight") && shape.length === 1);
  if (isScale) return hashed(name, shape, (u) => 0.5 + u);
  if (shape.length === 1) return hashed(name, shape, (u) => 0.2 * (u - 0.5));
  const bound = Math.sqrt(6 / elementCount(shape.slice(1)));
  return hashed(name, shape, (u) => (2 * u - 1) * bound);
}

/** A hash of the names and shapes of tensors. */
export function namesHash(tensors: Iterable<readonly [name: string, shape: readonly number[]]>): number {
  return nameHash(
    Array.from(tensors, ([name, shape]) => `${name} ${shape.join("x")}`)
      .sort()
      .join("\n"),
  );
}
