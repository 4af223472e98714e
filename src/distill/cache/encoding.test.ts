import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { codecFor, type Encoding } from "./encoding.ts";

/** Writes and reads two records side by side, as in a shard. */
function through(encoding: Encoding, shape: readonly number[], values: Float32Array): Float32Array {
  const { recordBytes, encode, decode } = codecFor(encoding, shape);
  const records = new Uint8Array(2 * recordBytes);
  encode(values, records.subarray(recordBytes));
  const decoded = new Float32Array(values.length);
  decode(records.slice(recordBytes), decoded, 1);
  expect(records.subarray(0, recordBytes).every((byte) => byte === 0)).toBe(true);
  return decoded;
}

const arrays = fc.float32Array({ minLength: 1, maxLength: 20 });

it("float32 gives back every bit", () => {
  fc.assert(
    fc.property(arrays, (values) => {
      expect(Buffer.from(through("float32", [values.length], values).buffer)).toEqual(Buffer.from(values.buffer));
    }),
  );
});

describe("float16", () => {
  it("is within 2^-11 of every number in its range", () => {
    fc.assert(
      fc.property(fc.float32Array({ minLength: 1, maxLength: 20, min: -65504, max: 65504, noNaN: true }), (values) => {
        through("float16", [values.length], values).forEach((found, index) => {
          const value = values[index] as number;
          expect(Math.abs(found - value)).toBeLessThanOrEqual(Math.max(Math.abs(value) * 2 ** -11, 2 ** -25));
        });
      }),
    );
  });

  it("refuses a finite number beyond it, and keeps what is not finite", () => {
    expect(() => through("float16", [2], Float32Array.of(1, -70000))).toThrow("The teacher gives -7.000e+4, and float16 ends at 65504.");
    expect([...through("float16", [3], Float32Array.of(Infinity, -Infinity, Number.NaN))]).toEqual([Infinity, -Infinity, Number.NaN]);
  });
});

it.each<[Encoding, readonly number[], string, number]>([
  ["float32", [10], "float32", 40],
  ["float16", [64, 8, 8], "float16", 8192],
  ["float16", [3], "float16", 8],
  [{ topK: 100 }, [1000], "top-100", 412],
  [{ topK: 100 }, [100_000], "top-100", 612],
  // Nothing would be saved, or there is no softmax over it.
  [{ topK: 3 }, [10], "float16", 20],
  [{ topK: 100 }, [10], "float16", 20],
  [{ topK: 10 }, [64, 8, 8], "float16", 8192],
])("%j of shape %j is %s, with records of %d bytes", (encoding, shape, name, bytes) => {
  expect(codecFor(encoding, shape)).toMatchObject({ name, recordBytes: bytes });
});
