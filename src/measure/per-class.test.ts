import fc from "fast-check";
import { expect, test } from "vitest";
import { classScores, macroScores, worstFirst } from "./per-class.ts";

// Class 2 is never predicted, class 3 neither predicted nor there.
const confusion = [
  [3, 1, 0, 0],
  [0, 2, 0, 0],
  [1, 1, 0, 0],
  [0, 0, 0, 0],
];

test("by hand", () => {
  const scores = classScores(confusion);
  expect(scores).toEqual([
    { support: 4, precision: 3 / 4, recall: 3 / 4, f1: 6 / 8 },
    { support: 2, precision: 2 / 4, recall: 1, f1: 4 / 6 },
    { support: 2, precision: undefined, recall: 0, f1: 0 },
    { support: 0, precision: undefined, recall: undefined, f1: undefined },
  ]);
  expect(macroScores(scores)).toEqual({ precision: (3 / 4 + 2 / 4) / 3, recall: 1.75 / 3, f1: (6 / 8 + 4 / 6) / 3 });
  expect(worstFirst(scores).map((each) => scores.indexOf(each))).toEqual([2, 1, 0, 3]);
});

test("F1 is the harmonic mean of precision and recall, and the accuracy is the mean of recalls by support", () => {
  const matrix = fc.integer({ min: 1, max: 6 }).chain((size) => {
    const row = fc.array(fc.nat(9), { minLength: size, maxLength: size });
    return fc.array(row, { minLength: size, maxLength: size });
  });
  fc.assert(
    fc.property(matrix, (counts) => {
      const scores = classScores(counts);
      for (const { precision, recall, f1 } of scores) {
        if (!precision || !recall) expect(f1 ?? 0).toBe(0);
        else expect(f1).toBeCloseTo(2 / (1 / precision + 1 / recall), 10);
      }
      const right = counts.reduce((total, row, label) => total + (row[label] as number), 0);
      expect(scores.reduce((total, { support, recall = 0 }) => total + support * recall, 0)).toBeCloseTo(right, 8);
    }),
  );
});
