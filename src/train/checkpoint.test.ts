import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LimbeckError } from "../errors.ts";
import { elementCount, type Float32Tensor, float32 } from "../graph/tensor.ts";
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint, type Progress } from "./checkpoint.ts";

const progress: Progress = {
  seed: 3,
  epoch: 2,
  step: 17,
  best: { epoch: 1, accuracy: 0.5 },
  sums: { loss: 1.25, correct: 40 },
  seconds: 12.5,
};
const tensors = new Map<string, Float32Tensor>([
  ["hidden1/weight", float32([1, -2, 3.5, Number.NaN, Number.POSITIVE_INFINITY, -0], [2, 3])],
  ["best:über", float32([7], [])],
]);
const example: Checkpoint = { progress, tensors };

const name = fc
  .oneof(fc.string({ unit: "grapheme", minLength: 1 }), fc.constantFrom("__proto__", "12", "3", "constructor", "a/b.c:d"))
  .filter((text) => text !== "__metadata__");
const shape = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 4 });
const tensor = shape.chain((sizes) => {
  const count = elementCount(sizes);
  return fc.float32Array({ minLength: count, maxLength: count }).map((data) => float32(data, sizes));
});
const checkpoint = fc.record({
  progress: fc.record({
    seed: fc.integer(),
    epoch: fc.nat(),
    step: fc.nat(),
    sums: fc.dictionary(
      fc.string(),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((sum) => sum + 0),
    ),
    seconds: fc.double({ min: 0, max: 1e9, noNaN: true }),
  }),
  tensors: fc.uniqueArray(fc.tuple(name, tensor), { selector: ([key]) => key, maxLength: 6 }).map((entries) => new Map(entries)),
});

/** The same file with another header. */
function withHeader(change: (header: Record<string, unknown>) => unknown, bytes = encodeCheckpoint(example)): Uint8Array {
  const start = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start))) as Record<string, unknown>;
  const text = new TextEncoder().encode(JSON.stringify(change(header)));
  const changed = new Uint8Array(8 + text.length + bytes.length - start);
  new DataView(changed.buffer).setBigUint64(0, BigInt(text.length), true);
  changed.set(text, 8);
  changed.set(bytes.subarray(start), 8 + text.length);
  return changed;
}

describe("a checkpoint", () => {
  it("comes back as it was, whatever its tensors are called and shaped", () => {
    fc.assert(
      fc.property(checkpoint, (written) => {
        const { progress: place, tensors: read } = decodeCheckpoint(encodeCheckpoint(written), "test");
        expect(JSON.stringify(place)).toBe(JSON.stringify(written.progress));
        expect(new Map(read)).toEqual(new Map(written.tensors));
      }),
    );
  });

  it("is laid out as the safetensors format says", () => {
    const bytes = encodeCheckpoint(example);
    const headerLength = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect(headerLength % 8).toBe(0);
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, 8 + headerLength));
    expect(text.startsWith("{")).toBe(true);
    const { __metadata__: metadata, ...entries } = JSON.parse(text) as Record<string, unknown>;
    expect(Object.values(metadata as object).every((value) => typeof value === "string")).toBe(true);
    expect(entries).toEqual({
      "hidden1/weight": { dtype: "F32", shape: [2, 3], data_offsets: [0, 24] },
      "best:über": { dtype: "F32", shape: [], data_offsets: [24, 28] },
    });
    expect(bytes.length).toBe(8 + headerLength + 28);
    expect(new DataView(bytes.buffer, 8 + headerLength).getFloat32(8, true)).toBe(3.5);
  });

  it("is read from the middle of a larger buffer", () => {
    const bytes = encodeCheckpoint(example);
    const inside = new Uint8Array(bytes.length + 9);
    inside.set(bytes, 5);
    expect(decodeCheckpoint(inside.subarray(5, 5 + bytes.length), "test").progress).toEqual(progress);
  });

  it("is refused when cut short anywhere, or longer than it says", () => {
    const bytes = encodeCheckpoint(example);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeCheckpoint(bytes.subarray(0, length), "half.safetensors"), `${length} bytes`).toThrow(LimbeckError);
    }
    expect(() => decodeCheckpoint(Uint8Array.of(...bytes, 0, 0, 0, 0), "long")).toThrow(LimbeckError);
  });

  it("with a damaged byte is refused in words or read, never worse", () => {
    const bytes = encodeCheckpoint(example);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flipped) => {
        const damaged = bytes.slice();
        damaged[at] = (damaged[at] as number) ^ flipped;
        try {
          decodeCheckpoint(damaged, "test");
        } catch (error) {
          expect(error).toBeInstanceOf(LimbeckError);
        }
      }),
      { numRuns: 500 },
    );
  });

  const weight = (change: object) => (header: Record<string, unknown>) => ({
    ...header,
    "hidden1/weight": { ...(header["hidden1/weight"] as object), ...change },
  });
  it.each<[string, Uint8Array, RegExp]>([
    ["text", new TextEncoder().encode("these are not the bytes of a checkpoint"), /cut short/],
    ["another JSON value", withHeader(() => null), /header/],
    ["safetensors of another program", withHeader(({ __metadata__: _, ...rest }) => rest), /not written by Limbeck/],
    ["another format", withHeader((header) => ({ ...header, __metadata__: { format: "pt", progress: "{}" } })), /not written by Limbeck/],
    [
      "no progress",
      withHeader((header) => ({ ...header, __metadata__: { format: "limbeck-checkpoint-1", progress: "7" } })),
      /not written by Limbeck/,
    ],
    ["another element type", withHeader(weight({ dtype: "F16" })), /"hidden1\/weight" is damaged/],
    ["an entry that is none", withHeader((header) => ({ ...header, "hidden1/weight": null })), /"hidden1\/weight" is damaged/],
    ["an offset before the data", withHeader(weight({ data_offsets: [-24, 0] })), /"hidden1\/weight" is damaged/],
    ["an offset behind the data", withHeader(weight({ data_offsets: [12, 36] })), /"hidden1\/weight" is damaged/],
    ["a shape of another size", withHeader(weight({ shape: [2, 4] })), /"hidden1\/weight" is damaged/],
  ])("of %s is refused", (_, bytes, message) => {
    const attempt = () => decodeCheckpoint(bytes, "run/student.safetensors");
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(expect.objectContaining({ name: "LimbeckError", where: "run/student.safetensors", hint: expect.any(String) }));
  });
});
