import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { randomFor } from "../random.ts";
import type { ImageShape } from "./placement.ts";
import { applyTransforms, crop, flip, shift, type Transform } from "./transforms.ts";

const shape: ImageShape = [2, 3, 4];
const image = Float32Array.from({ length: 24 }, (_, index) => index + 1);

/** Into a dirty buffer: a transform must write the whole of its output. */
function transformed(transform: Transform, seed: number): Float32Array {
  const output = new Float32Array(image.length).fill(99);
  transform(image, output, shape, randomFor(seed));
  return output;
}

function shiftedBy(down: number, right: number): Float32Array {
  return image.map((_, index) => {
    const [channel, y, x] = [Math.floor(index / 12), Math.floor((index % 12) / 4) - down, (index % 4) - right];
    return y >= 0 && y < 3 && x >= 0 && x < 4 ? (image[channel * 12 + y * 4 + x] as number) : 0;
  });
}

describe.each([
  ["shift", shift],
  ["crop", crop],
])("%s", (_, make) => {
  it("moves the image by each offset within reach, and by no other", () => {
    const offsets = [-1, 0, 1].flatMap((down) => [-1, 0, 1].map((right) => shiftedBy(down, right).join()));
    const seen = Array.from({ length: 200 }, (_, seed) => transformed(make(1), seed).join());
    expect(new Set(seen)).toEqual(new Set(offsets));
  });

  it("may move the image wholly out of sight", () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const output = transformed(make(9), seed);
        expect(output.every((value) => value === 0 || image.includes(value))).toBe(true);
      }),
    );
  });
});

describe("flip", () => {
  it("mirrors left and right about half the time", () => {
    const mirrored = image.map((_, index) => image[index - (index % 4) + 3 - (index % 4)] as number);
    const seen = Array.from({ length: 400 }, (_, seed) => transformed(flip(), seed).join());
    expect(new Set(seen)).toEqual(new Set([image.join(), mirrored.join()]));
    const flips = seen.filter((result) => result === mirrored.join()).length;
    expect(Math.abs(flips - 200)).toBeLessThan(50);
  });
});

describe("applyTransforms", () => {
  const add =
    (term: number): Transform =>
    (input, output) =>
      output.set(input.map((value) => value + term));
  const double: Transform = (input, output) => output.set(input.map((value) => value * 2));

  it.each([
    [[], 5],
    [[double], 10],
    [[add(1), double], 12],
    [[add(1), double, add(3)], 15],
  ] as [Transform[], number][])("applies them in order, between two buffers (%#)", (transforms, expected) => {
    const result = applyTransforms(transforms, Float32Array.of(5), new Float32Array(1), [1, 1, 1], randomFor(1));
    expect([...result]).toEqual([expected]);
  });
});
