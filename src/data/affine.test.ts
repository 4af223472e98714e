import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Random, randomFor } from "../random.ts";
import { affine } from "./affine.ts";
import type { ImageShape } from "./placement.ts";

/** A stream that always draws the upper end of a range. */
const most: Random = { uniform: () => 1, integer: (_, to) => to, normal: () => 0 };

/** Where a lone bright pixel of a 5×5 image goes, as [row, column] from the centre. */
function moved([row, column]: [number, number], options: Parameters<typeof affine>[0]): [number, number] {
  const input = new Float32Array(25);
  input[(row + 2) * 5 + column + 2] = 1;
  const output = new Float32Array(25);
  affine(options)(input, output, [1, 5, 5], most);
  const brightest = output.indexOf(Math.max(...output));
  return [Math.floor(brightest / 5) - 2, (brightest % 5) - 2];
}

/** Each pixel's column in channel 0, its row in channel 1, and 1 in channel 2: a bilinear sample of it tells where it was taken. */
function coordinates(height: number, width: number): Float32Array {
  const pixels = Array.from({ length: height * width }, (_, pixel) => pixel);
  const columns = pixels.map((pixel) => pixel % width);
  const rows = pixels.map((pixel) => Math.floor(pixel / width));
  return Float32Array.of(...columns, ...rows, ...pixels.map(() => 1));
}

describe("affine", () => {
  it("is the identity, to the bit, when nothing varies", () => {
    const size = fc.integer({ min: 1, max: 9 });
    fc.assert(
      fc.property(size, size, size, fc.integer(), (c, h, w, seed) => {
        const random = randomFor(seed);
        const input = Float32Array.from({ length: c * h * w }, () => random.uniform());
        const output = new Float32Array(input.length).fill(99);
        affine({})(input, output, [c, h, w], random);
        expect(output).toEqual(input);
      }),
    );
  });

  it.each([
    ["turns clockwise", [0, 1], { rotate: 90 }, [1, 0]],
    ["scales up", [1, -1], { scale: [1, 2] }, [2, -2]],
    ["slants what is below to the right", [1, 0], { shear: 45 }, [1, 1]],
    ["moves right and down", [0, -1], { translate: 1 }, [1, 0]],
    ["slants before it turns", [1, 0], { shear: 45, rotate: 90 }, [1, -1]],
  ] as const)("%s", (_, from, options, to) => {
    expect(moved([...from], options)).toEqual(to);
  });

  it("takes each pixel from where the documented formula sends it", () => {
    const options = { rotate: 40, scale: [0.6, 1.4], shear: 30, translate: 2 } as const;
    fc.assert(
      fc.property(fc.tuple(...Array.from({ length: 5 }, () => fc.double({ min: 0, max: 1, noNaN: true }))), (draws) => {
        const output = new Float32Array(3 * 108);
        const stream = draws.values();
        affine(options)(coordinates(9, 12), output, [3, 9, 12], { ...most, uniform: () => stream.next().value as number });
        const [turn, size, slant, right, down] = draws as [number, number, number, number, number];
        const angle = ((2 * turn - 1) * 40 * Math.PI) / 180;
        const tangent = Math.tan(((2 * slant - 1) * 30 * Math.PI) / 180);
        const scale = 0.6 + 0.8 * size;
        const inside = Array.from({ length: 108 }, (_, pixel) => pixel).filter((pixel) => output[216 + pixel] === 1);
        expect(inside.length).toBeGreaterThan(0);
        for (const pixel of inside) {
          const y = (output[108 + pixel] as number) - 4;
          const x = (output[pixel] as number) - 5.5 + tangent * y;
          expect(5.5 + 2 * (2 * right - 1) + scale * (Math.cos(angle) * x - Math.sin(angle) * y)).toBeCloseTo(pixel % 12, 4);
          expect(4 + 2 * (2 * down - 1) + scale * (Math.sin(angle) * x + Math.cos(angle) * y)).toBeCloseTo(Math.floor(pixel / 12), 4);
        }
      }),
    );
  });

  it.each([
    ["left", [1, 0.5], [0.75, 1, 1, 0.75, 1, 1, 0.75, 1, 1]],
    ["right", [0, 0.5], [1, 1, 0.75, 1, 1, 0.75, 1, 1, 0.75]],
    ["top", [0.5, 1], [0.75, 0.75, 0.75, 1, 1, 1, 1, 1, 1]],
    ["bottom", [0.5, 0], [1, 1, 1, 1, 1, 1, 0.75, 0.75, 0.75]],
  ] as const)("fades into the zeros outside at the %s", (_, moves, expected) => {
    const output = new Float32Array(9);
    affine({ translate: 0.25 })(new Float32Array(9).fill(1), output, [1, 3, 3], { ...most, uniform: sequence(0.5, 0.5, 0.5, ...moves) });
    expect([...output]).toEqual(expected);
  });

  it("gives the same image whatever it was used for before", () => {
    const transform = affine({ rotate: 30 });
    const run = (shape: ImageShape) => {
      const output = new Float32Array(32);
      transform(new Float32Array(32).fill(1), output, shape, randomFor(5));
      return output;
    };
    const alone = run([1, 4, 8]);
    run([1, 8, 4]);
    expect(run([1, 4, 8])).toEqual(alone);
  });

  it.each([
    [0, 1],
    [2, 1],
    [-1, 1],
    [Number.NaN, 1],
  ])("refuses the scale [%d, %d]", (smallest, largest) => {
    expect(() => affine({ scale: [smallest, largest] })).toThrow("is not a range of sizes");
  });

  it("refuses a shear of 90 degrees", () => {
    expect(() => affine({ shear: 90 })).toThrow("A shear of 90 degrees has no image.");
  });
});

function sequence(...values: number[]): () => number {
  const stream = values.values();
  return () => stream.next().value as number;
}
