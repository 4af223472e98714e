import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mostInformative, softTargets } from "./soft-targets.ts";

const rows = fc.array(
  fc.tuple(
    fc.float({ min: -8, max: 8, noNaN: true }),
    fc.float({ min: -8, max: 8, noNaN: true }),
    fc.float({ min: -8, max: 8, noNaN: true }),
  ),
  {
    minLength: 1,
    maxLength: 12,
  },
);
const flat = (all: readonly (readonly number[])[]) => Float32Array.from(all.flat());

describe("softTargets", () => {
  it("gives probability, entropy and what is beyond labels of two answers", () => {
    // Softmax 1/2, 1/4, 1/4 and 3/4, 1/4·(1/2), 1/4·(1/2): of their labels, m = 5/8.
    const logits = flat([
      [Math.log(2), 0, 0],
      [Math.log(6), 0, 0],
    ]);
    const entropies = [1.5 * Math.log(2), 0.75 * Math.log(4 / 3) + 0.25 * Math.log(8)];
    const entropy = ((entropies[0] as number) + (entropies[1] as number)) / 2;
    const smoothing = (5 / 8) * Math.log(8 / 5) + (3 / 8) * Math.log(16 / 3);
    const found = softTargets(logits, 3, 1);
    expect(found.topMass).toBeCloseTo(5 / 8, 6);
    expect(found.entropy).toBeCloseTo(entropy, 6);
    expect(found.effectiveClasses).toBeCloseTo(Math.exp(entropy), 5);
    expect(found.darkKnowledge).toBeCloseTo(smoothing - entropy, 6);
  });

  it("finds nothing beyond labels in smoothed labels", () => {
    const logits = flat([
      [3, 0, 0, 0],
      [0, 0, 3, 0],
    ]);
    for (const temperature of [0.5, 1, 4]) expect(softTargets(logits, 4, temperature).darkKnowledge).toBeCloseTo(0, 6);
  });

  it("finds something in two classes only where the teacher is surer of some samples", () => {
    expect(
      softTargets(
        flat([
          [2, 0],
          [0, 2],
        ]),
        2,
        1,
      ).darkKnowledge,
    ).toBeCloseTo(0, 6);
    expect(
      softTargets(
        flat([
          [4, 0],
          [0, 1],
        ]),
        2,
        1,
      ).darkKnowledge,
    ).toBeGreaterThan(0.03);
  });

  it("knows no class beyond the one of infinite certainty", () => {
    expect(softTargets(flat([[0, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]]), 3, 2)).toMatchObject({
      entropy: 0,
      darkKnowledge: 0,
    });
  });

  it("is never less than nothing, more even at higher temperatures, and in the end all even", () => {
    fc.assert(
      fc.property(rows, fc.double({ min: 0.5, max: 8, noNaN: true }), (all, temperature) => {
        const [cool, warm, hot] = [temperature, 2 * temperature, 1e6].map((one) => softTargets(flat(all), 3, one));
        expect(cool?.darkKnowledge).toBeGreaterThanOrEqual(0);
        expect(warm?.entropy).toBeGreaterThanOrEqual((cool?.entropy ?? 0) - 1e-9);
        expect(hot?.effectiveClasses).toBeCloseTo(3, 4);
        expect(hot?.darkKnowledge).toBeCloseTo(0, 6);
      }),
    );
  });

  it("is most informative somewhere between", () => {
    const logits = flat([
      [20, 12, 0, 0],
      [0, 20, 14, 2],
    ]);
    const all = [0.1, 4, 1000].map((temperature) => softTargets(logits, 4, temperature));
    expect(mostInformative(all).temperature).toBe(4);
  });
});
