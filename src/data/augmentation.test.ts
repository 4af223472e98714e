import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { randomFor } from "../random.ts";
import { type Augmentation, toTransform } from "./augmentation.ts";
import type { ImageShape } from "./placement.ts";

const size = fc.integer({ min: 1, max: 9 });
const shapes = fc.tuple(fc.constantFrom(1, 3), size, size);

const all: readonly Augmentation[] = [
  { shift: 2 },
  { crop: { padding: 2 } },
  { crop: { padding: 3, mode: "reflect" } },
  { resizedCrop: {} },
  { resizedCrop: { scale: [0.01, 0.2], ratio: [3, 5] } },
  { rotate: 90 },
  { affine: { rotate: 20, scale: [0.5, 2], shear: 20, translate: 2 } },
  { elastic: { alpha: 20, sigma: 2 } },
  { flip: true },
  { flipVertical: true },
  { colorJitter: { brightness: 2, contrast: 1, saturation: 3, hue: 0.5 } },
  { colorJitter: {} },
  { grayscale: 0.5 },
  { invert: true },
  { posterize: 3 },
  { solarize: 0.4 },
  { autocontrast: true },
  { equalize: true },
  { sharpness: 5 },
  { gaussianBlur: {} },
  { gaussianBlur: { sigma: [1, 1], size: 7 } },
  { gaussianNoise: { std: 0.5 } },
  { erasing: { probability: 0.9 } },
  { erasing: { probability: 1, area: [0.2, 0.5], value: "noise" } },
  { cutout: { size: 3, value: 0.5 } },
  { randAugment: {} },
  { randAugment: { operations: 5, magnitude: 30 } },
  { trivialAugment: true },
  { apply: { probability: 0.5, transforms: [{ invert: true }, { gaussianNoise: { std: 0.1 } }, { flip: true }] } },
];

function randomImage(shape: ImageShape, seed: number): Float32Array {
  const random = randomFor(seed);
  const length = shape.reduce((product, axis) => product * axis, 1);
  return Float32Array.from({ length }, () => random.integer(0, 255) / 255);
}

/** Into a dirty buffer: a transform must write the whole of its output. */
function transformed(augmentation: Augmentation, image: Float32Array, shape: ImageShape, seed: number): Float32Array {
  const output = new Float32Array(image.length).fill(99);
  toTransform(augmentation)(image, output, shape, randomFor(seed));
  return output;
}

describe.each(all.map((augmentation) => [JSON.stringify(augmentation), augmentation] as const))("%s", (_, augmentation) => {
  it("gives values of 0..1, the same for the same stream, and leaves its input as it is", () => {
    const transform = toTransform(augmentation);
    fc.assert(
      fc.property(shapes, fc.integer(), (shape, seed) => {
        const image = randomImage(shape, seed);
        const before = image.slice();
        const output = transformed(augmentation, image, shape, seed);
        expect(output.every((value) => value >= 0 && value <= 1.000001)).toBe(true);
        expect(image).toEqual(before);
        // With what an image of another size left in its buffers.
        const again = new Float32Array(image.length).fill(99);
        transform(image, again, shape, randomFor(seed));
        expect(again).toEqual(output);
      }),
    );
  });
});

const still: readonly Augmentation[] = [
  { affine: {} },
  { resizedCrop: { scale: [1, 1], ratio: [1, 1] } },
  { colorJitter: { brightness: 0, contrast: 0, saturation: 0, hue: 0 } },
  { grayscale: 0 },
  { posterize: 8 },
  { sharpness: 1 },
  { gaussianBlur: { sigma: [1, 1], size: 1 } },
  { gaussianNoise: { std: 0 } },
  { erasing: { probability: 0 } },
  { apply: { probability: 0, transforms: [{ invert: true }] } },
  { randAugment: { operations: 0 } },
];

it.each(still.map((augmentation) => [JSON.stringify(augmentation), augmentation] as const))("%s leaves an image as it is", (_, none) => {
  fc.assert(
    fc.property(fc.constantFrom(1, 3), size, fc.integer(), (channels, side, seed) => {
      const shape = [channels, side, side] as const;
      const image = randomImage(shape, seed);
      const output = transformed(none, image, shape, seed);
      output.forEach((value, place) => void expect(value).toBeCloseTo(image[place] as number, 6));
    }),
  );
});

it("an image inverted twice is what it was", () => {
  const image = randomImage([3, 5, 4], 1);
  const twice = transformed({ invert: true }, transformed({ invert: true }, image, [3, 5, 4], 1), [3, 5, 4], 1);
  twice.forEach((value, place) => void expect(value).toBeCloseTo(image[place] as number, 6));
});

it.each([[{ flip: true }], [{ flipVertical: true }]] as const)("%j by the same stream twice leaves an image as it is", (flip) => {
  const image = randomImage([3, 5, 4], 1);
  for (let seed = 0; seed < 20; seed++) {
    const twice = transformed(flip, transformed(flip, image, [3, 5, 4], seed), [3, 5, 4], seed);
    expect(twice).toEqual(image);
  }
});

describe("what colours change", () => {
  it("nothing of a grey image, as hue and saturation go", () => {
    const image = randomImage([1, 6, 5], 3);
    expect(transformed({ colorJitter: { saturation: 1, hue: 0.5 } }, image, [1, 6, 5], 4)).toEqual(image);
    expect(transformed({ grayscale: 1 }, image, [1, 6, 5], 4)).toEqual(image);
  });

  it("grey has three equal channels", () => {
    const output = transformed({ grayscale: 1 }, randomImage([3, 6, 5], 3), [3, 6, 5], 4);
    const [red, green, blue] = [0, 30, 60].map((start) => output.slice(start, start + 30));
    expect(green).toEqual(red);
    expect(blue).toEqual(red);
  });

  it("colorJitter applies what it draws in every order", () => {
    const image = randomImage([3, 2, 2], 5);
    const amounts = { brightness: 0.2, contrast: 0.2, saturation: 0.2, hue: 0.2 };
    const seen = new Set(Array.from({ length: 50 }, (_, seed) => transformed({ colorJitter: amounts }, image, [3, 2, 2], seed).join()));
    expect(seen.size).toBe(50);
  });
});

describe("what is erased", () => {
  const image = new Float32Array(3 * 20 * 30).fill(0.25);
  const shape = [3, 20, 30] as const;

  it("is one rectangle of all channels, of an area and a shape within the ranges", () => {
    for (let seed = 0; seed < 100; seed++) {
      const output = transformed({ erasing: { probability: 1, area: [0.1, 0.2], aspect: [0.5, 2], value: 1 } }, image, shape, seed);
      const places = [...output].flatMap((value, place) => (value === 1 ? [place] : []));
      const [rows, columns] = [new Set(places.map((place) => Math.floor((place % 600) / 30))), new Set(places.map((place) => place % 30))];
      expect(places.length).toBe(3 * rows.size * columns.size);
      expect(rows.size * columns.size).toBeGreaterThan(0.08 * 600);
      expect(rows.size * columns.size).toBeLessThan(0.23 * 600);
      expect(rows.size / columns.size).toBeGreaterThan(0.4);
      expect(rows.size / columns.size).toBeLessThan(2.5);
    }
  });

  it("is left where no rectangle fits", () => {
    expect(transformed({ erasing: { probability: 1, area: [2, 3], value: 1 } }, image, shape, 1)).toEqual(image);
  });

  it("by cutout is a square, cut where it leaves the image", () => {
    const counts = Array.from({ length: 200 }, (_, seed) => {
      const output = transformed({ cutout: { size: 6, value: 1 } }, image, shape, seed);
      return output.reduce((sum, value) => sum + (value === 1 ? 1 : 0), 0) / 3;
    });
    expect(Math.max(...counts)).toBe(36);
    expect(Math.min(...counts)).toBeLessThan(36);
  });
});

it("gaussianBlur keeps the mean of an image of one value, gaussianNoise on the average of any", () => {
  const image = new Float32Array(400).fill(0.5);
  transformed({ gaussianBlur: {} }, image, [1, 20, 20], 1).forEach((value) => void expect(value).toBeCloseTo(0.5, 6));
  const noisy = transformed({ gaussianNoise: { std: 0.1 } }, image, [1, 20, 20], 1);
  const mean = noisy.reduce((sum, value) => sum + value, 0) / 400;
  const deviation = Math.sqrt(noisy.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 400);
  expect(Math.abs(mean - 0.5)).toBeLessThan(0.02);
  expect(Math.abs(deviation - 0.1)).toBeLessThan(0.02);
});

it.each([
  [{ resizedCrop: { scale: [0.5, 2] } }, "A resized crop cannot have the scale [0.5, 2]."],
  [{ resizedCrop: { ratio: [0, 2] } }, "cannot have the ratio"],
  [{ gaussianBlur: { sigma: [0, 1] } }, "A blur cannot have the sigma [0, 1]."],
  [{ gaussianBlur: { size: 4 } }, "A blur 4 pixels across has no middle."],
  [{ erasing: { area: [0.5, 0.2] } }, "Erasing cannot have the area [0.5, 0.2]."],
  [{ randAugment: { magnitude: 31 } }, "the strongest of 31 bins is 30"],
] as [Augmentation, string][])("refuses %j", (augmentation, message) => {
  expect(() => toTransform(augmentation)).toThrow(message);
});
