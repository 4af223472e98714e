import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { randomFor } from "../random.ts";
import { colorJitter } from "./colour.ts";
import { type RowOptions, rowWriter } from "./rows.ts";
import { memorySamples, type Samples } from "./samples.ts";
import { flip, flipVertical, shift, sometimes } from "./transforms.ts";

const size = fc.integer({ min: 1, max: 6 });
const moves = [flip(), flipVertical(), sometimes(0.5, [shift(2), flip()])];
const move = fc.oneof(fc.integer({ min: 1, max: 8 }).map(shift), fc.constantFrom(...moves));

/** Row `index` of samples, written where something else lay before. */
function row(samples: Samples, index: number, options: RowOptions, seed: number): Float32Array {
  const length = samples.sampleShape.reduce((product, axis) => product * axis, 1);
  const target = new Float32Array(length + 2).fill(99);
  rowWriter(samples, options, (sample) => randomFor(seed, sample))(index, target, 1);
  return target;
}

describe("rowWriter", () => {
  it("moves bytes into place as the transforms move values, to the bit", () => {
    fc.assert(
      fc.property(
        size,
        size,
        size,
        fc.array(move, { maxLength: 5 }),
        fc.integer(),
        fc.boolean(),
        (c, h, w, transforms, seed, normalized) => {
          const random = randomFor(seed);
          const pixels = Uint8Array.from({ length: 2 * c * h * w }, () => random.integer(0, 255));
          const bytes = memorySamples({ name: "random", sampleShape: [c, h, w], classes: ["a"], pixels, labels: new Uint8Array(2) });
          const perChannel = () => Array.from({ length: c }, () => 0.1 + random.uniform());
          const options = { transforms, normalization: normalized ? { mean: perChannel(), std: perChannel() } : undefined };
          expect(row(bytes, 1, options, seed)).toEqual(row({ ...bytes, bytes: undefined }, 1, options, seed));
        },
      ),
    );
  });

  it("changes the colours of grey and coloured images only", () => {
    const pixels = new Uint8Array(2);
    const samples = memorySamples({ name: "two", sampleShape: [2, 1, 1], classes: ["a"], pixels, labels: new Uint8Array(1) });
    const transforms = [sometimes(0.5, [colorJitter({ hue: 0.1 })])];
    expect(() => rowWriter(samples, { transforms }, () => randomFor())).toThrow("Images of 2 channels have no colours to change.");
  });

  it("normalises what is no image by its first axis", () => {
    const flat = memorySamples({
      name: "flat",
      sampleShape: [2],
      classes: ["a"],
      pixels: Uint8Array.of(0, 255),
      labels: new Uint8Array(1),
    });
    expect([...row(flat, 0, { normalization: { mean: [1, 0], std: [0.5, 0.25] } }, 0)]).toEqual([99, -2, 4, 99]);
  });
});
