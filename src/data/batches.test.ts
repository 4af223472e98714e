import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { affine } from "./affine.ts";
import { copies, copyOf, firstBatch } from "./batches.fixture.ts";
import { type Batch, evaluationBatches, stepsPerEpoch, type TrainingBatchOptions, trainingBatches, viewBatches } from "./batches.ts";
import { elastic } from "./elastic.ts";
import { memorySamples, type Samples } from "./samples.ts";
import { flip, shift } from "./transforms.ts";

/** Images of 3×4 pixels; the first pixel is the sample's number, the label its remainder by 3. */
function numbered(length: number): Samples {
  return memorySamples({
    name: "numbered",
    sampleShape: [1, 3, 4],
    classes: ["a", "b", "c"],
    pixels: Uint8Array.from({ length: length * 12 }, (_, pixel) => Math.floor(pixel / 12) + 7 * (pixel % 12)),
    labels: Uint8Array.from({ length }, (_, index) => index % 3),
  });
}

const transforms = [affine({ rotate: 20, translate: 1 }), elastic({ alpha: 5, sigma: 2 }), shift(1), flip()];
const epochs = fc.record({ length: fc.integer({ min: 1, max: 40 }), draw: fc.nat(), seed: fc.integer(), epoch: fc.nat({ max: 100 }) });

describe("trainingBatches", () => {
  it("gives every sample at most once an epoch, in full batches, with its own label and pixels", () => {
    return fc.assert(
      fc.asyncProperty(epochs, async ({ length, draw, seed, epoch }) => {
        const batchSize = 1 + (draw % length);
        const batches = await copies(trainingBatches(numbered(length), { batchSize, seed, epoch }));
        expect(batches.length).toBe(Math.floor(length / batchSize));
        const order = batches.flatMap(({ indices }) => indices);
        expect(new Set(order).size).toBe(batches.length * batchSize);
        for (const { inputs, shape, labels, indices, size } of batches) {
          expect([size, shape]).toEqual([batchSize, [batchSize, 1, 3, 4]]);
          expect(labels).toEqual(indices.map((index) => index % 3));
          expect(indices.map((_, row) => Math.round((inputs[row * 12] as number) * 255))).toEqual(indices);
        }
        if (length % batchSize === 0) expect(order.sort((a, b) => a - b)).toEqual(Array.from({ length }, (_, index) => index));
      }),
    );
  });

  it("shuffles anew for each epoch and each seed, and the same for the same", async () => {
    const order = async (seed: number, epoch: number) =>
      (await copies(trainingBatches(numbered(30), { batchSize: 30, seed, epoch })))[0]?.indices;
    expect(await order(1, 0)).toEqual(await order(1, 0));
    expect(await order(1, 0)).not.toEqual(await order(1, 1));
    expect(await order(1, 0)).not.toEqual(await order(2, 0));
  });

  it("resumes at any step with the very batches of the uninterrupted epoch", () => {
    return fc.assert(
      fc.asyncProperty(epochs, fc.nat(), async ({ length, draw, seed, epoch }, stop) => {
        const samples = numbered(length);
        const options = { batchSize: 1 + (draw % length), seed, epoch, transforms, normalization: { mean: [0.1], std: [0.3] } };
        const startStep = stop % (stepsPerEpoch(samples, options.batchSize) + 1);
        const whole = await copies(trainingBatches(samples, options));
        expect(await copies(trainingBatches(samples, { ...options, startStep }))).toEqual(whole.slice(startStep));
      }),
    );
  });

  it("transforms a sample differently in each epoch", async () => {
    const image = async (epoch: number) =>
      (await copies(trainingBatches(numbered(1), { batchSize: 1, seed: 1, epoch, transforms })))[0]?.inputs;
    expect(await image(0)).not.toEqual(await image(1));
  });

  it("repeats the augmentation of each sample, but not the order, after so many epochs", async () => {
    const shown = async (epoch: number) =>
      (await copies(trainingBatches(numbered(6), { batchSize: 3, seed: 1, epoch, views: 2, transforms }))).flatMap(({ inputs, indices }) =>
        indices.map((index, row) => [index, inputs.slice(12 * row, 12 * row + 12)] as const),
      );
    const sorted = async (epoch: number) => (await shown(epoch)).sort(([a], [b]) => a - b);
    expect(await sorted(2)).toEqual(await sorted(0));
    expect(await sorted(3)).toEqual(await sorted(1));
    expect(await sorted(1)).not.toEqual(await sorted(0));
    expect(await shown(2)).not.toEqual(await shown(0));
  });

  it("says which augmentation a batch shows", async () => {
    const views = (options: Partial<TrainingBatchOptions>) =>
      Promise.all(
        [0, 1, 2, 3].map(async (epoch) => {
          const { view } = await firstBatch(trainingBatches(numbered(2), { batchSize: 2, seed: 1, epoch, ...options }));
          return view;
        }),
      );
    expect(await views({ transforms })).toEqual([0, 1, 2, 3]);
    expect(await views({ transforms, views: 2 })).toEqual([0, 1, 0, 1]);
    expect(await views({ views: 2 })).toEqual([0, 0, 0, 0]);
  });

  it("is what viewBatches gives of the same samples", async () => {
    const options = { batchSize: 3, seed: 4, transforms, normalization: { mean: [0.1], std: [0.3] } };
    const [batch] = await copies(trainingBatches(numbered(6), { ...options, epoch: 5, views: 3 }));
    const again = viewBatches(numbered(6), Uint32Array.from(batch?.indices ?? []), { ...options, view: 2 });
    expect(await copies(again)).toEqual([batch]);
  });

  it("leaves a batch alone while the next one is made, and can be iterated again at the same time", async () => {
    const batches = trainingBatches(numbered(8), { batchSize: 2, seed: 1, epoch: 0, transforms });
    const [first, second] = [batches[Symbol.asyncIterator](), batches[Symbol.asyncIterator]()];
    const held = (await first.next()).value as Batch;
    const copy = copyOf(held);
    await first.next();
    for (let step = 0; step < 4; step++) await second.next();
    expect(copyOf(held)).toEqual(copy);
    expect((await copies(batches))[0]).toEqual(copy);
  });

  it.each([
    [{ batchSize: 9 }, "8 samples do not fill one batch of 9."],
    [{ batchSize: 0 }, "A batch cannot have 0 samples."],
    [{ batchSize: 2.5 }, "A batch cannot have 2.5 samples."],
    [{ startStep: 5 }, "Step 5 is outside an epoch of 4 steps."],
    [{ startStep: -1 }, "Step -1 is outside an epoch of 4 steps."],
    [{ normalization: { mean: [0, 0], std: [1] } }, "2 means and 1 deviations do not fit 1 channels."],
  ] as [Partial<Parameters<typeof trainingBatches>[1]>, string][])("refuses %j", (options, message) => {
    expect(() => trainingBatches(numbered(8), { batchSize: 2, seed: 1, epoch: 0, ...options })).toThrow(message);
  });

  it("refuses to transform what is no image", () => {
    const flat = memorySamples({ name: "flat", sampleShape: [2], classes: ["a"], pixels: new Uint8Array(2), labels: new Uint8Array(1) });
    expect(() => trainingBatches(flat, { batchSize: 1, seed: 1, epoch: 0, transforms })).toThrow("Samples of shape [2] are not images.");
  });
});

describe("evaluationBatches", () => {
  it("gives every sample once, in order, the last batch smaller", async () => {
    const batches = await copies(evaluationBatches(numbered(7), { batchSize: 3 }));
    expect(batches.map(({ indices }) => indices)).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
    expect(batches.map(({ labels }) => labels)).toEqual([[0, 1, 2], [0, 1, 2], [0]]);
    expect(batches[2]).toMatchObject({ size: 1, shape: [1, 1, 3, 4] });
    expect(batches[2]?.inputs[0]).toBeCloseTo(6 / 255, 6);
  });

  it("normalises", async () => {
    const [batch] = await copies(evaluationBatches(numbered(2), { batchSize: 2, normalization: { mean: [1], std: [0.5] } }));
    expect(batch?.inputs[0]).toBe(-2);
    expect(batch?.inputs[12]).toBeCloseTo((1 / 255 - 1) / 0.5, 6);
  });

  it("gives nothing for no samples", async () => {
    expect(await copies(evaluationBatches(numbered(0), { batchSize: 4 }))).toEqual([]);
  });
});
