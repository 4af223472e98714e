import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { accuracy, agreement, argMax, confusionMatrix, expectedCalibrationError, retention } from "./classification.ts";

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

  test("expected calibration error", () => {
    // Bin (12/15, 13/15]: confidences 0.85 and 0.82, one right: |1/2 - 0.835|; bin (13/15, 14/15]: 0.9, right: 0.1. Weights 2/3 and 1/3.
    const calibration = expectedCalibrationError({ logits: certain(0.85, 0.82, 0.9), labels: [0, 1, 0] });
    expect(calibration).toBeCloseTo((2 / 3) * 0.335 + (1 / 3) * 0.1, 6);
    // In one bin, right and wrong cancel: mean confidence 0.856667, accuracy 2/3.
    expect(expectedCalibrationError({ logits: certain(0.85, 0.82, 0.9), labels: [0, 1, 0] }, 1)).toBeCloseTo(
      (0.85 + 0.82 + 0.9) / 3 - 2 / 3,
      6,
    );
  });

  test("full confidence is in the last bin, and large logits don't overflow", () => {
    expect(expectedCalibrationError({ logits: Float32Array.of(1000, 0, 0, 1000), labels: [0, 1] })).toBe(0);
    expect(expectedCalibrationError({ logits: Float32Array.of(1000, 0, 0, 1000), labels: [1, 0] })).toBe(1);
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

  test("a model agrees with itself, and the calibration error is between |accuracy - confidence| and 1", () => {
    fc.assert(
      fc.property(scored, (set) => {
        expect(agreement(set.logits, set.logits, set.classes)).toBe(1);
        const [coarse, fine] = [expectedCalibrationError(set, 1), expectedCalibrationError(set)];
        expect(fine).toBeGreaterThanOrEqual(coarse - 1e-12);
        expect(fine).toBeLessThanOrEqual(1);
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
