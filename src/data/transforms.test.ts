import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { randomFor } from "../random.ts";
import { crop } from "./crop.ts";
import type { ImageShape } from "./placement.ts";
import { applyTransforms, flip, flipVertical, shift, sometimes, type Transform } from "./transforms.ts";

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

describe.each([
  ["flip", flip, (place: number) => place - (place % 4) + 3 - (place % 4)],
  ["flipVertical", flipVertical, (place: number) => 12 * Math.floor(place / 12) + 4 * (2 - Math.floor((place % 12) / 4)) + (place % 4)],
] as const)("%s", (_, make, mirror) => {
  it("mirrors about half the time", () => {
    const mirrored = image.map((_, place) => image[mirror(place)] as number);
    const seen = Array.from({ length: 400 }, (_, seed) => transformed(make(), seed).join());
    expect(new Set(seen)).toEqual(new Set([image.join(), mirrored.join()]));
    const flips = seen.filter((result) => result === mirrored.join()).length;
    expect(Math.abs(flips - 200)).toBeLessThan(50);
  });
});

describe("crop with reflection", () => {
  it("shows the image mirrored at its outermost pixels", () => {
    const row = Float32Array.of(1, 2, 3, 4);
    const windows = ["4321", "3212", "2123", "1234", "2343", "3432", "4321"].map((digits) => [...digits].map(Number).join());
    const seen = Array.from({ length: 300 }, (_, seed) => {
      const output = new Float32Array(4).fill(99);
      crop(3, "reflect")(row, output, [1, 1, 4], randomFor(seed));
      return output.join();
    });
    expect(new Set(seen)).toEqual(new Set(windows));
  });

  it("repeats an axis of one pixel", () => {
    const output = new Float32Array(2);
    crop(5, "reflect")(Float32Array.of(7, 8), output, [2, 1, 1], randomFor(1));
    expect([...output]).toEqual([7, 8]);
  });
});

describe("sometimes", () => {
  const transforms = [shift(1), flip()];
  const values: Transform = (input, output) => output.set(input.map((value) => value / 2));

  it.each([
    ["that move pixels", transforms],
    ["of values", [values, values]],
  ])("applies all transforms %s or none", (_, all) => {
    const seen = Array.from({ length: 400 }, (_, seed) => transformed(sometimes(0.25, all), seed));
    const changed = seen.filter((result) => result.join() !== image.join()).length;
    expect(Math.abs(changed - 100)).toBeLessThan(40);
    expect(transformed(sometimes(0, all), 1)).toEqual(image);
    if (all[0] === values) expect(transformed(sometimes(1, all), 1)).toEqual(image.map((value) => value / 4));
  });

  it("moves whole pixels where all that it applies does", () => {
    expect(sometimes(0.5, transforms).place).toBeDefined();
    expect(sometimes(0.5, [...transforms, values]).place).toBeUndefined();
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
