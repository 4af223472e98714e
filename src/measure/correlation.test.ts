import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { averageRanks, matthewsCorrelation, pearsonCorrelation, spearmanCorrelation } from "./correlation.ts";
import { classScores, macroScores } from "./per-class.ts";

/** What scikit-learn and scipy say (scripts/golden/correlations.py). */
interface Golden {
  readonly classified: readonly {
    readonly confusion: readonly (readonly number[])[];
    readonly accuracy: number;
    readonly macroF1: number;
    readonly binaryF1: number | null;
    readonly matthews: number;
  }[];
  readonly correlated: readonly {
    readonly x: readonly number[];
    readonly y: readonly number[];
    readonly ranks: readonly number[];
    readonly pearson: number;
    readonly spearman: number;
  }[];
}
const golden = JSON.parse(readFileSync(new URL("../../test/golden/correlations.json", import.meta.url), "utf8")) as Golden;

it.each(golden.classified)("gives scikit-learn's scores of $confusion", ({ confusion, macroF1, binaryF1, matthews }) => {
  expect(matthewsCorrelation(confusion)).toBeCloseTo(matthews, 12);
  const scores = classScores(confusion);
  expect(macroScores(scores).f1).toBeCloseTo(macroF1, 12);
  if (binaryF1 !== null) expect(scores[1]?.f1).toBeCloseTo(binaryF1, 12);
});

it.each(golden.correlated)("gives scipy's correlations of $x.length values", ({ x, y, ranks, pearson, spearman }) => {
  expect(pearsonCorrelation(x, y)).toBeCloseTo(pearson, 9);
  expect(spearmanCorrelation(x, y)).toBeCloseTo(spearman, 12);
  expect([...averageRanks(x)]).toEqual(ranks);
});

describe("correlations", () => {
  const value = fc.integer({ min: -50, max: 50 });
  const both = fc.array(fc.tuple(value, value), { minLength: 2, maxLength: 30 });
  const sides = (pairs: readonly (readonly [number, number])[]) => [pairs.map(([x]) => x), pairs.map(([, y]) => y)] as const;

  it("are symmetric, from −1 to 1, and turn with the sign", () => {
    fc.assert(
      fc.property(both, (pairs) => {
        const [x, y] = sides(pairs);
        for (const correlation of [pearsonCorrelation, spearmanCorrelation]) {
          const found = correlation(x, y);
          expect(Math.abs(found)).toBeLessThanOrEqual(1);
          expect(correlation(y, x)).toBeCloseTo(found, 12);
          expect(
            correlation(
              x.map((each) => -each),
              y,
            ),
          ).toBeCloseTo(-found, 12);
        }
      }),
    );
  });
  it("know no unit; ranks know no scale at all", () => {
    fc.assert(
      fc.property(both, fc.integer({ min: 1, max: 9 }), value, (pairs, factor, offset) => {
        const [x, y] = sides(pairs);
        expect(
          pearsonCorrelation(
            x.map((each) => factor * each + offset),
            y,
          ),
        ).toBeCloseTo(pearsonCorrelation(x, y), 9);
        expect(
          spearmanCorrelation(
            x.map((each) => Math.exp(each / 10)),
            y,
          ),
        ).toBeCloseTo(spearmanCorrelation(x, y), 12);
      }),
    );
  });
  it("are 1 of a variable with itself, and 0 where one doesn't vary", () => {
    expect(pearsonCorrelation([0.1, 0.2, 0.4], [0.1, 0.2, 0.4])).toBeCloseTo(1, 12);
    expect(pearsonCorrelation([0.1, 0.1, 0.1], [1, 2, 3])).toBe(0);
    expect(spearmanCorrelation([1, 2, 3], [7, 7, 7])).toBe(0);
  });
  it("of different lengths, or of one value, are refused", () => {
    expect(() => pearsonCorrelation([1, 2], [1])).toThrow(/here are 2 and 1/);
    expect(() => spearmanCorrelation([1], [1])).toThrow(/two or more/);
  });
  it("of NaN are NaN", () => {
    expect(pearsonCorrelation([1, Number.NaN, 2], [1, 2, 3])).toBeNaN();
  });
});

describe("Matthews' correlation", () => {
  it("is 1 where all is right, −1 where two classes are swapped, 0 where nothing is told apart", () => {
    expect(
      matthewsCorrelation([
        [3, 0],
        [0, 5],
      ]),
    ).toBeCloseTo(1, 12);
    expect(
      matthewsCorrelation([
        [0, 3],
        [5, 0],
      ]),
    ).toBeCloseTo(-1, 12);
    expect(
      matthewsCorrelation([
        [3, 0],
        [5, 0],
      ]),
    ).toBe(0);
    expect(
      matthewsCorrelation([
        [2, 2, 2],
        [3, 3, 3],
        [1, 1, 1],
      ]),
    ).toBe(0);
  });
  it("of two classes is Pearson's of labels and predictions", () => {
    const count = fc.nat(20);
    fc.assert(
      fc.property(fc.tuple(count, count, count, count), ([a, b, c, d]) => {
        fc.pre(a + b + c + d > 1);
        const samples = [
          [0, 0, a],
          [0, 1, b],
          [1, 0, c],
          [1, 1, d],
        ] as const;
        const side = (of: 0 | 1) => samples.flatMap((sample) => Array<number>(sample[2]).fill(sample[of]));
        expect(
          matthewsCorrelation([
            [a, b],
            [c, d],
          ]),
        ).toBeCloseTo(pearsonCorrelation(side(0), side(1)), 9);
      }),
    );
  });
});
