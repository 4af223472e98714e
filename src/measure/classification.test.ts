import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { accuracy, agreement, argMax, confusionMatrix, retention, surestMistakes, topAccuracy } from "./classification.ts";

// Predictions 1, 0, 2, 1 (a tie goes to the lower class).
const logits = Float32Array.of(0, 5, 1, 3, -1, 2, -9, -8, -7, 0, 4, 4);
const labels = [1, 2, 2, 0];

/** Logits of two classes whose softmax gives class 0 this probability. */
const certain = (...probabilities: readonly number[]) => Float32Array.from(probabilities.flatMap((p) => [Math.log(p / (1 - p)), 0]));

describe("by hand", () => {
  test("classes, accuracy, confusion", () => {
    expect([...argMax(logits, 3)]).toEqual([1, 0, 2, 1]);
    expect(accuracy({ logits, labels })).toBe(0.5);
    expect(confusionMatrix({ logits, labels })).toEqual([
      [0, 1, 0],
      [0, 1, 0],
      [1, 0, 1],
    ]);
  });

  test("agreement and retention", () => {
    // Predictions 1, 0, 0, 1.
    const other = Float32Array.of(0, 1, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0);
    expect(agreement(logits, other, 3)).toBe(0.75);
    expect(retention(0.9, 0.96)).toBeCloseTo(0.9375, 12);
  });

  test("the highest two, the lower class first among equals", () => {
    expect([1, 2, 3].map((count) => topAccuracy({ logits, labels }, count))).toEqual([0.5, 0.75, 1]);
    // Classes 1 and 2 of the last sample are equally high: 1 is the first, 2 the second.
    expect(topAccuracy({ logits: logits.subarray(9), labels: [2] }, 1)).toBe(0);
    expect(topAccuracy({ logits: logits.subarray(9), labels: [2] }, 2)).toBe(1);
  });

  test("the surest mistakes", () => {
    const sure = certain(0.6, 0.99, 0.8, 0.9);
    const [surest, next, ...rest] = surestMistakes({ logits: sure, labels: [1, 0, 1, 1] }, 2);
    expect(surest).toEqual({ index: 3, label: 1, prediction: 0, probability: expect.closeTo(0.9, 6) });
    expect(next).toEqual({ index: 2, label: 1, prediction: 0, probability: expect.closeTo(0.8, 6) });
    expect(rest).toEqual([]);
    expect(surestMistakes({ logits: sure, labels: [0, 0, 0, 0] }, 2)).toEqual([]);
  });
});

describe("laws", () => {
  const scored = fc.integer({ min: 2, max: 5 }).chain((classes) =>
    fc
      .array(
        fc.record({
          row: fc.array(fc.integer({ min: -20, max: 20 }), { minLength: classes, maxLength: classes }),
          label: fc.nat(classes - 1),
        }),
        { minLength: 1, maxLength: 30 },
      )
      .map((samples) => ({
        classes,
        logits: Float32Array.from(samples.flatMap(({ row }) => row)),
        labels: samples.map(({ label }) => label),
      })),
  );

  test("the confusion matrix counts every sample once, and its diagonal is the accuracy", () => {
    fc.assert(
      fc.property(scored, (set) => {
        const matrix = confusionMatrix(set);
        expect(matrix.flat().reduce((total, count) => total + count, 0)).toBe(set.labels.length);
        const diagonal = matrix.reduce((total, row, label) => total + (row[label] as number), 0);
        expect(accuracy(set)).toBeCloseTo(diagonal / set.labels.length, 12);
      }),
    );
  });

  test("a model agrees with itself; more chances are never worse, the first is the accuracy, and all classes are enough", () => {
    fc.assert(
      fc.property(scored, (set) => {
        expect(agreement(set.logits, set.logits, set.classes)).toBe(1);
        const top = Array.from({ length: set.classes }, (_, index) => topAccuracy(set, index + 1));
        expect(top[0]).toBe(accuracy(set));
        expect(top.at(-1)).toBe(1);
        expect(top.toSorted((a, b) => a - b)).toEqual(top);
        expect(surestMistakes(set, set.labels.length)).toHaveLength(Math.round((1 - accuracy(set)) * set.labels.length));
      }),
    );
  });
});

describe("refuses", () => {
  test.each<[string, () => unknown, string]>([
    ["no samples", () => accuracy({ logits: new Float32Array(), labels: [] }), "no samples"],
    ["no samples to compare", () => agreement(new Float32Array(), new Float32Array(), 3), "no samples"],
    ["half a row", () => accuracy({ logits: new Float32Array(5), labels: [0, 1] }), "do not divide into rows"],
    ["logits of other shapes", () => agreement(new Float32Array(4), new Float32Array(6), 2), "4 logits cannot be compared with 6"],
    [
      "a label out of range",
      () => confusionMatrix({ logits, labels: [0, 1, 3, 0] }),
      "Sample 2 has the label 3, but the model tells 3 classes apart",
    ],
    ["NaN", () => accuracy({ logits: Float32Array.of(0, 1, 2, Number.NaN), labels: [1, 0] }), "The logits of sample 1 are not numbers"],
  ])("%s", (_, score, message) => {
    expect(score).toThrow(message);
  });
});
