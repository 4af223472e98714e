import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Tensor } from "../graph/tensor.ts";
import { randomFor } from "../random.ts";
import { copies, valuesIn } from "./batches.fixture.ts";
import { type TrainingBatchOptions, trainingBatches, viewBatches, viewOf } from "./batches.ts";
import { beta, type MixOptions, mixtures, samplesFor } from "./mix.ts";
import { memorySamples, type Samples } from "./samples.ts";
import { flip, shift } from "./transforms.ts";

/** Each of one value all over: its number. */
function plain(length: number, sampleShape: readonly number[] = [2, 6, 8]): Samples {
  const size = sampleShape.reduce((product, axis) => product * axis, 1);
  return memorySamples({
    name: "plain",
    sampleShape,
    classes: ["a", "b", "c"],
    pixels: Uint8Array.from({ length: length * size }, (_, pixel) => Math.floor(pixel / size)),
    labels: Uint8Array.from({ length }, (_, index) => index % 3),
  });
}

const kinds: readonly (readonly [string, MixOptions])[] = [
  ["mixup", { mixup: { alpha: 0.4 } }],
  ["cutmix", { cutmix: { alpha: 1 } }],
  ["either", { mixup: { alpha: 1 }, cutmix: { alpha: 0.5 }, probability: 0.7 }],
];
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const numbersOf = ({ data }: Tensor) => data as Int32Array;

describe("beta", () => {
  it.each([0.2, 1, 4])("has the mean and the variance of Beta(%d, same)", (alpha) => {
    const random = randomFor(3);
    const drawn = Array.from({ length: 20_000 }, () => beta(random, alpha));
    expect(Math.abs(mean(drawn) - 0.5)).toBeLessThan(0.01);
    expect(Math.abs(mean(drawn.map((share) => (share - 0.5) ** 2)) - 1 / (4 * (2 * alpha + 1)))).toBeLessThan(0.01);
  });

  it("is within 0..1 for any alpha", () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1e6, noNaN: true }), fc.integer(), (alpha, seed) => {
        const share = beta(randomFor(seed), alpha);
        expect(share >= 0 && share <= 1).toBe(true);
      }),
    );
  });
});

describe("mixtures", () => {
  it("are those of a sample, a view and a seed, with any of all samples", () => {
    const drawn = (seed: number, view: number) =>
      Array.from({ length: 200 }, (_, index) => mixtures(plain(200), { mixup: { alpha: 1 } }, seed, view)(index));
    expect(drawn(1, 2)).toEqual(drawn(1, 2));
    expect(drawn(1, 3)).not.toEqual(drawn(1, 2));
    expect(drawn(2, 2)).not.toEqual(drawn(1, 2));
    const partners = new Set(drawn(1, 2).map(({ partner }) => partner));
    expect(partners.size).toBeGreaterThan(100);
    expect(Math.max(...partners)).toBeLessThan(200);
  });

  it("are drawn as often as asked for, one way or the other", () => {
    const of = mixtures(plain(3), { mixup: { alpha: 1 }, cutmix: { alpha: 1 }, probability: 0.4 }, 5, 0);
    const drawn = Array.from({ length: 4000 }, (_, index) => of(index));
    const blended = drawn.filter(({ share, box }) => share < 1 && !box).length / 4000;
    const cut = drawn.filter(({ box }) => box).length / 4000;
    expect(blended).toBeCloseTo(0.2, 1);
    expect(cut).toBeCloseTo(0.2, 1);
    expect(drawn.filter(({ partner, share }, index) => share === 1 && partner === index).length / 4000).toBeCloseTo(0.6, 1);
  });

  it("cut images only", () => {
    expect(() => mixtures(plain(3, [48]), { cutmix: { alpha: 1 } }, 0, 0)).toThrow("cutmix takes images, but samples are of shape [48].");
    expect(() => mixtures(plain(3, [48]), { mixup: { alpha: 1 } }, 0, 0)).not.toThrow();
  });
});

describe.each(kinds)("batches mixed by %s", (_, mix) => {
  const samples = plain(30);
  const options: TrainingBatchOptions = { batchSize: 7, seed: 4, epoch: 3, mix };

  it("have of each sample the share that they say, and the labels of both", async () => {
    for await (const { inputs, labels, partners, indices } of trainingBatches(samples, options)) {
      indices.forEach((index, row) => {
        const share = partners?.share.data[row] as number;
        const values = [...valuesIn({ inputs }).subarray(96 * row, 96 * (row + 1))].map((value) => 255 * value);
        const { partner, box } = mixtures(samples, mix, 4, 3)(index);
        expect(mean(values)).toBeCloseTo(share * index + (1 - share) * partner, 3);
        if (box) expect(values.every((value) => [index, partner].includes(Math.round(value)))).toBe(true);
        else for (const value of values) expect(value).toBeCloseTo(values[0] as number, 3);
        expect([numbersOf(labels)[row], numbersOf(partners?.labels as Tensor)[row]]).toEqual([index % 3, partner % 3]);
      });
    }
  });

  it("are the same images in any batch of their view, each partner transformed by itself", async () => {
    const transformed = { ...options, transforms: [shift(2), flip()], normalization: { mean: [0.1, 0.2], std: [0.3, 0.4] } };
    const rows = new Map<number, string>();
    for await (const { inputs, partners, labels, indices } of trainingBatches(samples, transformed)) {
      indices.forEach((index, row) => {
        const said = [partners?.share.data[row], numbersOf(partners?.labels as Tensor)[row], numbersOf(labels)[row]];
        rows.set(index, [...valuesIn({ inputs }).subarray(96 * row, 96 * (row + 1)), ...said].join());
      });
    }
    for await (const { inputs, partners, labels, indices } of viewBatches(samples, Uint32Array.from(rows.keys()).sort(), {
      ...transformed,
      batchSize: 4,
      view: 3,
    })) {
      indices.forEach((index, row) => {
        const said = [partners?.share.data[row], numbersOf(partners?.labels as Tensor)[row], numbersOf(labels)[row]];
        expect([...valuesIn({ inputs }).subarray(96 * row, 96 * (row + 1)), ...said].join()).toBe(rows.get(index));
      });
    }
  });

  it("can be begun anywhere, and know of which samples they are made", async () => {
    const whole = await copies(trainingBatches(samples, options));
    expect(await copies(trainingBatches(samples, { ...options, startStep: 2 }))).toEqual(whole.slice(2));
    const of = mixtures(samples, mix, 4, 3);
    for (const { indices } of whole) {
      const needed = samplesFor(Uint32Array.from(indices), of);
      expect(new Set(needed)).toEqual(new Set(indices.flatMap((index) => [index, of(index).partner])));
      expect(new Set(needed).size).toBe(needed.length);
    }
  });
});

it("views are of mixing as of transforms", () => {
  expect(viewOf({ epoch: 5 })).toBe(0);
  expect(viewOf({ epoch: 5, mix: { mixup: { alpha: 1 } } })).toBe(5);
  expect(viewOf({ epoch: 5, views: 3, mix: { mixup: { alpha: 1 } } })).toBe(2);
});
