import fc from "fast-check";
import { expect, it } from "vitest";
import { widened } from "../../graph/tensor.ts";
import { toFloat16 } from "./float16.ts";

const all = Uint16Array.from({ length: 2 ** 16 }, (_, bits) => bits);
const numbers = widened({ type: "float16", shape: [all.length], data: all }).data;
const MOST = 65504;

it("gives back the bits of every float16", () => {
  for (const bits of all)
    expect(Number.isNaN(numbers[bits]) ? bits & 0x7c00 : toFloat16(numbers[bits] as number)).toBe(
      Number.isNaN(numbers[bits]) ? 0x7c00 : bits,
    );
});

it.each([
  [Number.NaN, 0x7e00],
  [-0, 0x8000],
  [Infinity, 0x7c00],
  [-Infinity, 0xfc00],
  // Halfway between the largest number and the next that there would be.
  [65519.996, 0x7bff],
  [65520, 0x7c00],
  [-1e30, 0xfc00],
  // Halfway between two neighbours, both ways.
  [1 + 2 ** -11, 0x3c00],
  [1 + 3 * 2 ** -11, 0x3c02],
  // Among the subnormal numbers, and just below the normal ones.
  [2 ** -25, 0],
  [1.5 * 2 ** -24, 2],
  [2 ** -14 - 2 ** -26, 0x0400],
])("turns %d into its bits", (value, bits) => {
  expect(toFloat16(value)).toBe(bits);
});

it("finds the nearest float16, of two the even one", () => {
  const within = fc.oneof(fc.float({ min: -MOST, max: MOST, noNaN: true }), fc.float({ min: -2, max: 2, noNaN: true }));
  fc.assert(
    fc.property(within, (value) => {
      const bits = toFloat16(value);
      const error = Math.abs((numbers[bits] as number) - value);
      for (const neighbour of [bits - 1, bits + 1]) {
        const other = Math.abs((numbers[neighbour & 0xffff] as number) - value);
        if (Number.isNaN(other)) continue;
        expect(error).toBeLessThanOrEqual(other);
        if (error === other && error > 0) expect(bits % 2).toBe(0);
      }
    }),
    { numRuns: 2000 },
  );
});
