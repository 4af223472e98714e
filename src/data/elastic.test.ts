import { describe, expect, it } from "vitest";
import { randomFor } from "../random.ts";
import { elastic } from "./elastic.ts";

const SIZE = 40;
const MARGIN = 10;
/** Each pixel holds its column. */
const ramp = Float32Array.from({ length: SIZE * SIZE }, (_, pixel) => pixel % SIZE);

/** Horizontal displacements of the pixels away from the border, for many seeds: `[seed][row][column]`. */
function displacements(alpha: number, sigma: number): number[][][] {
  const transform = elastic({ alpha, sigma });
  const output = new Float32Array(SIZE * SIZE);
  const inner = Array.from({ length: SIZE - 2 * MARGIN }, (_, index) => index + MARGIN);
  return Array.from({ length: 400 }, (_, seed) => {
    transform(ramp, output, [1, SIZE, SIZE], randomFor(seed));
    return inner.map((y) => inner.map((x) => (output[y * SIZE + x] as number) - x));
  });
}

/** Mean of d(y, x)·d(y, x + distance). */
function covariance(fields: readonly number[][][], distance: number): number {
  const products = fields.flatMap((rows) => rows.flatMap((row) => row.slice(distance).map((value, x) => value * (row[x] as number))));
  return products.reduce((sum, product) => sum + product, 0) / products.length;
}

describe("elastic", () => {
  it.each([
    [34, 4],
    [10, 2],
    [12, 2.7],
  ])("has the strength and smoothness of noise on every pixel (alpha %d, sigma %d)", (alpha, sigma) => {
    const fields = displacements(alpha, sigma);
    const variance = covariance(fields, 0);
    expect(Math.sqrt(variance) / (alpha / (2 * sigma * Math.sqrt(3 * Math.PI)))).toBeCloseTo(1, 1);
    for (const distance of [2, 4, 8]) {
      expect(Math.abs(covariance(fields, distance) / variance - Math.exp(-(distance ** 2) / (4 * sigma ** 2)))).toBeLessThan(0.06);
    }
  });

  it("displaces each pixel alone when nothing is smoothed", () => {
    const fields = displacements(0.5, 0.1);
    expect(covariance(fields, 0)).toBeCloseTo(0.25 / 3, 2);
    expect(Math.abs(covariance(fields, 1))).toBeLessThan(0.005);
  });

  it("displaces rows and columns independently, all channels alike", () => {
    const rows = ramp.map((_, pixel) => Math.floor(pixel / SIZE));
    const output = new Float32Array(3 * SIZE * SIZE);
    const input = Float32Array.of(...ramp, ...rows, ...ramp);
    elastic({ alpha: 34, sigma: 4 })(input, output, [3, SIZE, SIZE], randomFor(1));
    const plane = (channel: number) => output.subarray(channel * SIZE * SIZE, (channel + 1) * SIZE * SIZE);
    expect(plane(2)).toEqual(plane(0));
    const centre = (SIZE * SIZE) / 2 + SIZE / 2;
    expect((plane(0)[centre] as number) - SIZE / 2).not.toBeCloseTo((plane(1)[centre] as number) - SIZE / 2, 3);
  });

  it("is the identity at alpha 0", () => {
    const output = new Float32Array(ramp.length);
    elastic({ alpha: 0, sigma: 4 })(ramp, output, [1, SIZE, SIZE], randomFor(1));
    expect(output).toEqual(ramp);
  });

  it("refuses a sigma of 0", () => {
    expect(() => elastic({ alpha: 1, sigma: 0 })).toThrow("A smoothing of 0 pixels is impossible.");
  });
});
