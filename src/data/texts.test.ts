import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LimbeckError } from "../errors.ts";
import { toNumbers } from "../graph/tensor.ts";
import { type Batch, evaluationBatches, trainingBatches, trainingEpoch } from "./batches.ts";
import { inlineLoader } from "./loader.ts";
import { holdOut, relabelled, subset } from "./samples.ts";
import { encodingOf, samplesOf } from "./texts.fixture.ts";
import { byLength, lengthsFor, paddedLength } from "./texts.ts";

const lengthsOfTexts = fc.array(fc.integer({ min: 2, max: 60 }), { minLength: 4, maxLength: 80 });
const bucketed = (tokens: readonly number[], count = 4) =>
  samplesOf(
    tokens.map((length, index) => encodingOf(length, index)),
    { lengths: lengthsFor(tokens, count, Math.max(...tokens), 60) },
  );

async function all(batches: AsyncIterable<Batch>): Promise<Batch[]> {
  const found: Batch[] = [];
  for await (const batch of batches) found.push({ ...batch, labels: { ...batch.labels, data: Int32Array.from(toNumbers(batch.labels)) } });
  return found;
}
const numbers = ({ inputs, ...batch }: Batch) => ({
  ...batch,
  labels: toNumbers(batch.labels),
  inputs: Object.entries(inputs).map(([name, tensor]) => [name, tensor.shape, toNumbers(tensor)]),
});

describe("lengths to pad to", () => {
  it("are a few multiples of 8 that hold every text, half of them within the first", () => {
    fc.assert(
      fc.property(lengthsOfTexts, fc.integer({ min: 1, max: 6 }), (tokens, count) => {
        const longest = Math.max(...tokens);
        const lengths = lengthsFor(tokens, count, longest, 60);
        expect(lengths.length).toBeLessThanOrEqual(count);
        expect(lengths).toEqual([...new Set(lengths)].sort((a, b) => a - b));
        for (const length of lengths) expect(length % 8 === 0 || length === 60).toBe(true);
        expect(lengths.at(-1)).toBe(Math.min(60, 8 * Math.ceil(longest / 8)));
        const short = tokens.filter((length) => length <= (lengths[0] as number)).length;
        if (count > 1) expect(short).toBeGreaterThanOrEqual(tokens.length / 2);
      }),
    );
  });

  it("are known numbers for known texts", () => {
    const tokens = Array.from({ length: 100 }, (_, index) => index + 1);
    expect(lengthsFor(tokens, 4, 100, 128)).toEqual([56, 80, 88, 104]);
    expect(lengthsFor(tokens, 4, 100, 100)).toEqual([56, 80, 88, 100]);
    expect(lengthsFor([5, 5, 5], 4, 100, 128)).toEqual([8, 104]);
  });
});

describe("batches of an epoch", () => {
  it("have each sample at most once, in no longer a batch than it has to be in", async () => {
    await fc.assert(
      fc.asyncProperty(lengthsOfTexts, fc.integer({ min: 1, max: 4 }), fc.nat(5), async (tokens, batchSize, epoch) => {
        const samples = bucketed(tokens);
        const batches = await all(trainingBatches(samples, { batchSize, seed: 3, epoch }));
        const seen = batches.flatMap(({ indices }) => [...indices]);
        expect(seen).toHaveLength(batchSize * Math.floor(tokens.length / batchSize));
        expect(new Set(seen).size).toBe(seen.length);
        const texts = samples.texts as NonNullable<typeof samples.texts>;
        const own = (index: number) => paddedLength(texts, tokens[index] as number);
        for (const { indices, length = 0 } of batches) {
          expect(texts.lengths).toContain(length);
          expect(length).toBe(Math.max(...Array.from(indices, own)));
        }
        // Of each length no more samples are padded further than what doesn't fill a batch.
        for (const length of texts.lengths) {
          const further = batches.flatMap((batch) =>
            [...batch.indices].filter((index) => own(index) <= length && (batch.length ?? 0) > length),
          );
          expect(further.length).toBeLessThan(batchSize);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("are tokens, a mask and types, padded at the end, with their labels", async () => {
    const pair = { ids: Int32Array.of(2, 5, 3, 7, 3), typeIds: Int32Array.of(0, 0, 0, 1, 1) };
    const samples = samplesOf([pair, { ids: Int32Array.of(2, 6, 3), typeIds: new Int32Array(3) }], { lengths: [8], pad: 9 });
    const [batch] = await all(evaluationBatches(samples, { batchSize: 2 }));
    expect(numbers(batch as Batch)).toMatchObject({
      labels: [1, 0],
      length: 8,
      size: 2,
      inputs: [
        ["input_ids", [2, 8], [2, 5, 3, 7, 3, 9, 9, 9, 2, 6, 3, 9, 9, 9, 9, 9]],
        ["attention_mask", [2, 8], [1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0]],
        ["token_type_ids", [2, 8], [0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
      ],
    });
  });

  it("follow from seed, epoch and step alone", async () => {
    const samples = bucketed(Array.from({ length: 50 }, (_, index) => 3 + ((index * 7) % 40)));
    const options = { batchSize: 4, seed: 1, epoch: 2 };
    const whole = (await all(trainingBatches(samples, options))).map(numbers);
    expect((await all(trainingBatches(samples, { ...options, startStep: 7 }))).map(numbers)).toEqual(whole.slice(7));
    expect((await all(inlineLoader(samples, options).epoch(2))).map(numbers)).toEqual(whole);
    const indices = (batches: readonly { readonly indices: Uint32Array }[]) => batches.map((batch) => [...batch.indices].join());
    for (const other of [{ epoch: 3 }, { seed: 2 }]) {
      expect(indices(await all(trainingBatches(samples, { ...options, ...other })))).not.toEqual(indices(whole));
    }
    const lengths = whole.map(({ length }) => length);
    expect(new Set(lengths).size).toBeGreaterThan(1);
    expect(lengths).not.toEqual(lengths.toSorted());
  });

  it("refuse what is done to images", () => {
    const samples = bucketed([5, 6, 7]);
    expect(() => trainingEpoch(samples, { batchSize: 1, seed: 0, epoch: 0, mix: { mixup: { alpha: 1 } } })).toThrow(LimbeckError);
    expect(() => samples.read(0, new Float32Array(1))).toThrow("Texts have no values");
  });
});

it("evaluation sees every sample once, with its label, in batches of like length", async () => {
  await fc.assert(
    fc.asyncProperty(lengthsOfTexts, fc.integer({ min: 1, max: 9 }), async (tokens, batchSize) => {
      const samples = bucketed(tokens);
      const batches = await all(evaluationBatches(samples, { batchSize }));
      expect(batches.flatMap(({ indices }) => [...indices]).sort((a, b) => a - b)).toEqual(tokens.map((_, index) => index));
      for (const { indices, labels } of batches) expect(toNumbers(labels)).toEqual(Array.from(indices, samples.label));
      expect(batches.slice(0, -1).every(({ size }) => size === batchSize)).toBe(true);
    }),
    { numRuns: 40 },
  );
});

it("samples out of others keep their own texts", () => {
  const samples = bucketed([4, 9, 14, 5]);
  const some = subset(samples, [2, 0]);
  expect(some.texts?.encoding(0)).toEqual(encodingOf(14, 2));
  expect(some.texts?.text(1)).toBe(samples.texts?.text(0));
  expect([...byLength(some.texts as NonNullable<typeof some.texts>, Uint32Array.of(0, 1), 1)]).toEqual([1, 0]);
});

it("samples without a label are not held out, and don't count", () => {
  const samples = bucketed(Array.from({ length: 30 }, () => 6));
  const half = relabelled(
    samples,
    Int32Array.from({ length: 30 }, (_, index) => (index < 20 ? -1 : index % 2)),
  );
  const { kept, held } = holdOut(half, 0.4, 1);
  expect([kept.length, held.length]).toEqual([26, 4]);
  expect(Array.from({ length: 4 }, (_, index) => held.label(index)).sort()).toEqual([0, 0, 1, 1]);
});
