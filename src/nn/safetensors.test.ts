import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LimbeckError } from "../errors.ts";
import { arrayTypeOf, type ElementType, elementCount, float32, type Tensor, type TensorData, zeros } from "../graph/tensor.ts";
import { readSafetensors, writeSafetensors } from "./safetensors.ts";

const saved = new Uint8Array(readFileSync(new URL("../../test/golden/bert.safetensors", import.meta.url)));

const types = [
  "float64",
  "float32",
  "float16",
  "bfloat16",
  "int64",
  "int32",
  "int16",
  "int8",
  "uint64",
  "uint32",
  "uint16",
  "uint8",
  "bool",
] as const;

/** A tensor of any type and shape, of any bits. */
const anyTensor = fc.tuple(fc.constantFrom(...types), fc.array(fc.nat(3), { maxLength: 3 })).chain(([type, shape]) => {
  const bytes = elementCount(shape) * arrayTypeOf(type).BYTES_PER_ELEMENT;
  return fc
    .uint8Array({ minLength: bytes, maxLength: bytes })
    .map((data): Tensor => ({ type, shape, data: new (arrayTypeOf(type))(data.slice().buffer) as TensorData }));
});

const bytesOf = ({ data }: Tensor): Uint8Array => {
  const { buffer, byteOffset, byteLength } = data as Float32Array;
  return new Uint8Array(buffer, byteOffset, byteLength);
};

/** A file of this header and this many bytes after it. */
function fileOf(header: unknown, size: number): Uint8Array {
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const file = new Uint8Array(8 + text.length + size);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  return file;
}

it("reads what the Python package writes", () => {
  const tensors = readSafetensors(saved);
  expect(tensors.size).toBe(25);
  const { type, shape, data } = tensors.get("bert.embeddings.position_embeddings.weight") as Tensor;
  expect([type, shape]).toEqual(["float32", [8, 16]]);
  // Drawn with standard deviation 0.2.
  const deviation = Math.sqrt((data as Float32Array).reduce((sum, value) => sum + value * value, 0) / data.length);
  expect(deviation).toBeGreaterThan(0.15);
  expect(deviation).toBeLessThan(0.25);
});

it("takes any name", () => {
  const tensors = new Map([["__proto__", float32([1])]]);
  expect(readSafetensors(writeSafetensors(tensors))).toEqual(tensors);
});

it("reads back what it writes, bit by bit", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), anyTensor), (named) => {
      const tensors = new Map(Object.entries(named).filter(([name]) => name !== "__metadata__"));
      const found = readSafetensors(writeSafetensors(tensors));
      expect([...found.keys()].sort()).toEqual([...tensors.keys()].sort());
      for (const [name, tensor] of tensors) {
        const same = found.get(name) as Tensor;
        expect([same.type, same.shape, bytesOf(same)]).toEqual([tensor.type, tensor.shape, bytesOf(tensor)]);
      }
    }),
  );
});

it("gives copies, from anywhere in a buffer", () => {
  const file = writeSafetensors(new Map([["w", float32([1, 2, 3])]]));
  const shifted = new Uint8Array(file.length + 3);
  shifted.set(file, 3);
  const { data } = readSafetensors(shifted.subarray(3)).get("w") as Tensor;
  shifted.fill(0);
  expect(data).toEqual(Float32Array.of(1, 2, 3));
  expect(data instanceof Float32Array && data.buffer.byteLength).toBe(12);
});

describe("a file that is damaged is refused:", () => {
  const entry = { dtype: "F32", shape: [2], data_offsets: [0, 8] };
  it.each<[string, Uint8Array, RegExp]>([
    ["nothing", new Uint8Array(0), /it has 0 bytes/],
    ["cut short in the header", saved.subarray(0, 100), /its header would have \d+ bytes, the file has 100/],
    ["cut short in the tensors", saved.subarray(0, saved.length - 1), /take \d+ bytes, and it holds \d+/],
    ["something else", new TextEncoder().encode("PK\u0003\u0004 a zip file, as PyTorch writes"), /header would have/],
    ["no JSON", fileOf("{", 0), /its header is not JSON/],
    ["no text", fileOf("\ud800", 0).fill(0xff, 8), /its header is not JSON/],
    ["a list", fileOf([], 0), /no JSON object/],
    ["no entry", fileOf({ w: 1 }, 0), /"w" is of type undefined/],
    ["a type of another name", fileOf({ w: { ...entry, dtype: "constructor" } }, 8), /is of type "constructor"/],
    ["a negative size", fileOf({ w: { ...entry, shape: [-2] } }, 8), /the shape of "w" cannot be read/],
    ["a size that is no number", fileOf({ w: { ...entry, shape: ["2"] } }, 8), /the shape of "w"/],
    ["an enormous size", fileOf({ w: { ...entry, shape: [2 ** 40, 2 ** 40] } }, 8), /"w", F32\[.*\], needs 4.8\S+ bytes, not 8/],
    ["no place", fileOf({ w: { ...entry, data_offsets: [0] } }, 8), /the place of "w"/],
    ["a place that doesn't fit the shape", fileOf({ w: { ...entry, data_offsets: [0, 4] } }, 8), /needs 8 bytes, not 4/],
    ["a place beyond the end", fileOf({ w: { ...entry, data_offsets: [8, 16] } }, 8), /"w" begins at byte 8, where 0 is the next/],
    ["places that overlap", fileOf({ w: entry, v: entry }, 16), /begins at byte 0, where 8 is the next/],
    ["bytes of no tensor", fileOf({ w: entry }, 12), /take 8 bytes, and it holds 12/],
  ])("%s", (_, file, message) => {
    expect(() => readSafetensors(file, "w.safetensors")).toThrow(message);
    expect(() => readSafetensors(file, "w.safetensors")).toThrow(LimbeckError);
  });

  it("and whatever else happens to its bytes ends in no other error", () => {
    const changes = fc.array(fc.tuple(fc.nat(2500), fc.nat(255)), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(changes, fc.nat(saved.length), (bytes, length) => {
        const file = saved.slice(0, Math.max(length, 2500));
        for (const [at, byte] of bytes) file[at] = byte;
        try {
          for (const tensor of readSafetensors(file).values()) expect(tensor.data.length).toBe(elementCount(tensor.shape));
        } catch (error) {
          expect(error).toBeInstanceOf(LimbeckError);
        }
      }),
      { numRuns: 300 },
    );
  });
});

it("refuses to write what the format lacks", () => {
  const strings = zeros("string" satisfies ElementType, [1]);
  expect(() => writeSafetensors(new Map([["names", strings]]))).toThrow(/can't hold "names", which is of type string/);
});
