import fc from "fast-check";
import { expect, it } from "vitest";
import { randomFor } from "../random.ts";
import { similarityCorrelation, type Vectors } from "./similarity.ts";

const drawn = (seed: number, count: number, size: number): Vectors => {
  const random = randomFor(seed);
  return { data: Float32Array.from({ length: count * size }, () => random.normal()), size };
};

it("is what can be worked out by hand", () => {
  // Angles from the first axis: 0°, 30° and 90°; and 0°, 80° and 90°, so that the second pair is nearer than the first.
  const at = (...degrees: number[]): Vectors => ({
    data: Float32Array.from(degrees.flatMap((angle) => [Math.cos((angle * Math.PI) / 180), Math.sin((angle * Math.PI) / 180)])),
    size: 2,
  });
  expect(similarityCorrelation(at(0, 30, 90), at(0, 20, 90))).toBeCloseTo(1, 12);
  expect(similarityCorrelation(at(0, 30, 90), at(0, 80, 90))).toBeCloseTo(0.5, 12);
});

it("doesn't change when vectors are turned, scaled one by one, or made longer by zeros", () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 3, max: 12 }), (seed, count) => {
      const [a, b] = [drawn(seed, count, 4), drawn(seed + 1, count, 3)];
      const found = similarityCorrelation(a, b);
      const changed = Float32Array.from({ length: count * 5 }, (_, index) => {
        const [row, column] = [Math.floor(index / 5), index % 5];
        return column === 4 ? 0 : (a.data[4 * row + ((column + 1) % 4)] as number) * (column % 2 === 0 ? -1 : 1) * (1 + row);
      });
      expect(similarityCorrelation({ data: changed, size: 5 }, b)).toBeCloseTo(found, 2);
      expect(similarityCorrelation(a, a)).toBeCloseTo(1, 12);
      expect(Math.abs(found)).toBeLessThan(1 + 1e-12);
    }),
  );
});

it("of many samples is that of the same drawn pairs each time, near that of all", () => {
  const noise = drawn(7, 600, 8);
  const a = drawn(6, 600, 8);
  const b = { size: 8, data: a.data.map((value, index) => value + 0.5 * (noise.data[index] as number)) };
  const found = similarityCorrelation(a, b);
  expect(similarityCorrelation(a, b)).toBe(found);
  const part = (vectors: Vectors): Vectors => ({ ...vectors, data: vectors.data.subarray(0, 400 * 8) });
  expect(Math.abs(found - similarityCorrelation(part(a), part(b)))).toBeLessThan(0.03);
});

it("needs the same samples, three or more; a vector of zeros is like nothing", () => {
  expect(() => similarityCorrelation(drawn(1, 4, 2), drawn(1, 5, 2))).toThrow(/the same samples/);
  expect(() => similarityCorrelation(drawn(1, 2, 2), drawn(1, 2, 2))).toThrow(/three or more/);
  expect(similarityCorrelation({ data: new Float32Array(6), size: 2 }, drawn(1, 3, 2))).toBe(0);
});
