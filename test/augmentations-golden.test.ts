import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Adjustment, brightness, contrast, hue, saturation } from "../src/data/colour.ts";
import { resizedCrop } from "../src/data/crop.ts";
import { gaussianBlur, sharpness } from "../src/data/filters.ts";
import type { ImageShape } from "../src/data/placement.ts";
import { operations, randAugmentStrength, wideStrength } from "../src/data/rand-augment.ts";
import { autocontrast, equalize, invert, solarize } from "../src/data/tone.ts";
import { type Random, randomFor } from "../src/random.ts";
import { root } from "./limbeck.ts";

/** Written by scripts/golden/augmentations.py. */
interface Golden {
  readonly images: Readonly<Record<string, { readonly shape: ImageShape; readonly bytes: readonly number[] }>>;
  readonly float: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;
  readonly bytes: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;
  readonly equalized: readonly number[];
  readonly tables: Readonly<Record<string, Readonly<Record<string, { readonly amounts: readonly number[]; readonly signed: boolean }>>>>;
}
const golden = JSON.parse(readFileSync(join(root, "test/golden/augmentations.json"), "utf8")) as Golden;

/** Draws a window of 5 by 4 pixels at (2, 3). */
const places = [2, 3];
const atTheWindow: Random = { ...randomFor(1), integer: () => places.shift() as number };
const window = { scale: [20 / 99, 20 / 99], ratio: [0.8, 0.8] } as const;

const adjustments: Readonly<Record<string, Adjustment>> = {
  brightness,
  contrast,
  saturation,
  hue,
  sharpness,
  solarize,
  autocontrast,
  invert,
  blur: (input, output, shape) => gaussianBlur({ sigma: [1.3, 1.3], size: 5 })(input, output, shape, randomFor(1)),
  window: (input, output, shape) => {
    places.splice(0, Infinity, 2, 3);
    resizedCrop(window)(input, output, shape, atTheWindow);
  },
};
const byName = new Map(operations(wideStrength).map((operation) => [operation.name, operation.apply]));

/** What the adjustment that `name amount` says makes of an image. */
function adjusted(all: (name: string) => Adjustment, text: string, imageName: string): Float32Array {
  const { shape, bytes } = golden.images[imageName] as Golden["images"][string];
  const [name, amount] = text.split(" ") as [string, string];
  const output = new Float32Array(bytes.length);
  all(name)(
    Float32Array.from(bytes, (byte) => byte / 255),
    output,
    shape,
    Number(amount),
  );
  return output;
}

function furthest(found: Float32Array, expected: readonly number[]): number {
  return found.reduce((most, value, place) => Math.max(most, Math.abs(value - (expected[place] as number))), 0);
}

describe.each(["colour", "grey"])("a %s image", (imageName) => {
  const [ofFloats, ofBytes] = [golden.float[imageName] ?? {}, golden.bytes[imageName] ?? {}];

  it.each(Object.keys(ofFloats))("is as torchvision makes it by %s", (text) => {
    const found = adjusted((name) => adjustments[name] as Adjustment, text, imageName);
    expect(furthest(found, ofFloats[text] as number[])).toBeLessThan(2e-5);
  });

  it.each(Object.keys(ofBytes))("is as torchvision makes it of bytes by %s", (text) => {
    // Solarize's threshold is of bytes there.
    const [name, amount] = text.split(" ") as [string, string];
    const asked = name === "Solarize" ? `Solarize ${Number(amount) / 255}` : text;
    const found = adjusted((operation) => byName.get(operation) as Adjustment, asked, imageName);
    const expected = (ofBytes[text] as number[]).map((byte) => byte / 255);
    // Posterize and Equalize are of bytes here too; Sharpness and Contrast round twice there, and every byte is cut rather than rounded.
    const exact = ["Posterize", "Equalize", "TranslateX", "TranslateY", "Solarize"].includes(name);
    expect(furthest(found, expected)).toBeLessThan(exact ? 1e-6 : 2.01 / 255);
  });
});

it("equalisation gives the same bytes", () => {
  const found = adjusted(() => equalize, "equalize 0", "large");
  expect(Array.from(found, (value) => Math.round(255 * value))).toEqual(golden.equalized);
});

it.each([
  ["randAugment 31", randAugmentStrength],
  ["randAugment 9", randAugmentStrength],
  ["wide 31", wideStrength],
])("%s: the operations and their strengths are torchvision's", (name, strength) => {
  const expected = golden.tables[name] ?? {};
  const ours = operations(strength);
  expect(ours.map((operation) => operation.name)).toEqual(Object.keys(expected));
  for (const { name: operation, amount, signed = false } of ours) {
    const table = expected[operation] as Golden["tables"][string][string];
    expect([operation, signed]).toEqual([operation, table.signed]);
    if (!amount) {
      expect([operation, table.amounts]).toEqual([operation, [0]]);
      continue;
    }
    const factor = operation === "Solarize" ? 255 : 1;
    table.amounts.forEach((magnitude, bin) => {
      expect(factor * amount(bin / (table.amounts.length - 1), 64, 48)).toBeCloseTo(magnitude, 4);
    });
  }
});
