import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Costs, dominates, paretoFront } from "./pareto.ts";

test("by hand: errors and milliseconds", () => {
  const points = [
    [0.1, 10],
    [0.2, 5],
    [0.2, 6],
    [0.3, 5],
    [0.05, 30],
    [0.1, 10],
    [Number.NaN, 1],
  ];
  expect(paretoFront(points)).toEqual([true, true, false, false, true, true, false]);
  expect(paretoFront([])).toEqual([]);
});

describe("laws", () => {
  const points = fc.integer({ min: 1, max: 3 }).chain((axes) => {
    const cost = fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 0, max: 6 }) }, { weight: 1, arbitrary: fc.constant(Number.NaN) });
    return fc.array(fc.array(cost, { minLength: axes, maxLength: axes }), { maxLength: 25 });
  });
  const split = (all: readonly Costs[]) => {
    const front = paretoFront(all);
    return { members: all.filter((_, place) => front[place]), others: all.filter((_, place) => !front[place]) };
  };
  const isKnown = (costs: Costs) => !costs.some(Number.isNaN);

  test("no member is dominated, and every other point whose costs are known is, by a member", () => {
    fc.assert(
      fc.property(points, (all) => {
        const { members, others } = split(all);
        for (const member of members) expect(all.some((other) => isKnown(other) && dominates(other, member))).toBe(false);
        for (const other of others) expect(isKnown(other) && !members.some((member) => dominates(member, other))).toBe(false);
        expect(members.every(isKnown)).toBe(true);
        if (all.some(isKnown)) expect(members.length).toBeGreaterThan(0);
      }),
    );
  });

  test("order doesn't matter, and without the points that are not on it the front is the same", () => {
    fc.assert(
      fc.property(points, (all) => {
        const { members } = split(all);
        expect(split(all.toReversed()).members.toReversed()).toEqual(members);
        expect(split(members).members).toEqual(members);
      }),
    );
  });

  test("to dominate is a strict order", () => {
    const three = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(three, three, three, (a, b, c) => {
        expect(dominates(a, a)).toBe(false);
        expect(dominates(a, b) && dominates(b, a)).toBe(false);
        if (dominates(a, b) && dominates(b, c)) expect(dominates(a, c)).toBe(true);
      }),
    );
  });
});
