import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bestAssignment, bestReordering } from "./assignment.ts";

const squares = (size: fc.Arbitrary<number>) =>
  size.chain((count) =>
    fc.array(fc.array(fc.integer({ min: -9, max: 50 }), { minLength: count, maxLength: count }), { minLength: count, maxLength: count }),
  );

function permutations(items: readonly number[]): number[][] {
  return items.length === 0
    ? [[]]
    : items.flatMap((first) => permutations(items.filter((other) => other !== first)).map((rest) => [first, ...rest]));
}

const total = (gains: readonly (readonly number[])[], order: readonly number[]) =>
  order.reduce((sum, column, row) => sum + (gains[row]?.[column] ?? 0), 0);

describe("bestAssignment", () => {
  it("is as good as the best of all", () => {
    fc.assert(
      fc.property(squares(fc.integer({ min: 1, max: 6 })), (gains) => {
        const columns = gains.map((_, column) => column);
        const found = bestAssignment(gains);
        expect([...found].sort()).toEqual(columns);
        expect(total(gains, found)).toBe(Math.max(...permutations(columns).map((order) => total(gains, order))));
      }),
    );
  });
});

describe("bestReordering", () => {
  it("finds the order of permuted classes", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 11 }), { minLength: 12, maxLength: 12 }), (order) => {
        const confusion = order.map((of) => order.map((_, prediction) => (prediction === of ? 9 : 1)));
        expect(bestReordering(confusion)).toEqual({ order, accuracy: 9 / 20 });
      }),
    );
  });

  it("leaves classes where they are as far as that is as good", () => {
    expect(
      bestReordering([
        [0, 0, 0],
        [0, 0, 7],
        [0, 7, 0],
      ]),
    ).toEqual({ order: [0, 2, 1], accuracy: 1 });
    expect(
      bestReordering([
        [5, 5],
        [5, 5],
      ]),
    ).toEqual({ order: [0, 1], accuracy: 0.5 });
  });
});
