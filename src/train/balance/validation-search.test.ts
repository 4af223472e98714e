import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Search, validationSearch } from "./validation-search.ts";

const rule = validationSearch({ soft: new Set(["kd", "attention"]), step: 0.5 });
const weights = { crossEntropy: 0.1, kd: 0.9 };
const terms = { crossEntropy: 0.4, kd: 1.5 };

const done = (search: Search, epoch: number, validationLoss?: number): Search =>
  rule.epochDone?.(search, { epoch, terms, weights, validationLoss }) ?? search;

/** The searches after each epoch of a run whose progress depends on the ratio, best at `best`: V falls as a power of time. */
function searches(best: number, epochs: number): Search[] {
  let [search, loss] = [rule.initial, 2];
  return Array.from({ length: epochs }, (_, index) => {
    const epoch = index + 1;
    loss *= Math.exp(-(1 - 0.1 * (search.ratio - best) ** 2) / epoch);
    search = done(search, epoch, loss);
    return search;
  });
}

describe("weights by validation", () => {
  it("find the side on which the best ratio lies, and stay near it", () => {
    fc.assert(
      fc.property(fc.oneof(fc.double({ min: 0.5, max: 2.5, noNaN: true }), fc.double({ min: -2.5, max: -0.5, noNaN: true })), (best) => {
        const late = searches(best, 30).slice(15);
        for (const { ratio } of late) {
          expect(Math.sign(ratio)).toBe(Math.sign(best));
          expect(Math.abs(ratio - best)).toBeLessThan(0.6);
        }
      }),
    );
  });

  it("by hand: a gain below the former one turns around and halves the step", () => {
    const losses = [1, 0.5, 0.5 * Math.exp(-0.3), 0.5 * Math.exp(-0.31), 0.5 * Math.exp(-0.32)];
    // Gains: 2·ln 2 = 1.39, 0.9, 0.04, 0.05.
    let search = rule.initial;
    const ratios = losses.map((loss, index) => {
      search = done(search, index + 1, loss);
      return search.ratio;
    });
    expect(ratios).toEqual([0, 0.5, 0.25, 0.375, 0.5]);
    expect(search).toMatchObject({ step: 0.125, direction: 1 });
  });

  it("keep within an eighth and eight times the recipe's, and the weighted sum of the terms, whatever is seen", () => {
    const loss = fc.oneof(fc.double({ min: 1e-6, max: 1e3, noNaN: true }), fc.constantFrom(0, -1, Number.NaN, Number.POSITIVE_INFINITY));
    fc.assert(
      fc.property(fc.array(loss, { maxLength: 40 }), (losses) => {
        let search = rule.initial;
        losses.forEach((value, index) => {
          search = done(search, index + 1, value);
          const factors = rule.factors(search, weights);
          for (const factor of Object.values(factors)) {
            expect(factor).toBeGreaterThan(1 / 8 - 1e-9);
            expect(factor).toBeLessThan(8 + 1e-9);
          }
          const { crossEntropy = 0, kd = 0 } = factors;
          expect(0.1 * crossEntropy * 0.4 + 0.9 * kd * 1.5).toBeCloseTo(0.1 * 0.4 + 0.9 * 1.5, 9);
          expect(kd / crossEntropy).toBeCloseTo(2 ** search.ratio, 9);
        });
      }),
    );
  });

  it("are the recipe's until there is a gain to go by, and without losses that are numbers", () => {
    expect(rule.factors(rule.initial, weights)).toEqual({ crossEntropy: 1, kd: 1 });
    expect(rule.factors(done(rule.initial, 1, 0.5), weights)).toEqual({ crossEntropy: 1, kd: 1 });
    expect([undefined, Number.NaN, 0].map((loss, index) => done(rule.initial, index + 1, loss))).toEqual(new Array(3).fill(rule.initial));
    const none = { crossEntropy: 0, kd: 0 };
    expect(rule.epochDone?.(rule.initial, { epoch: 1, terms: none, weights, validationLoss: 1 })).toMatchObject({ hard: 1 });
  });

  it("move little where the ratio makes no difference", () => {
    const random = (epoch: number) => Math.sin(epoch * 12.9898) * 0.3;
    const flat = Array.from({ length: 40 }, (_, index) => index + 1).reduce<{ search: Search; loss: number }>(
      ({ search, loss }, epoch) => {
        const next = loss * Math.exp(-(0.5 + random(epoch)) / epoch);
        return { search: done(search, epoch, next), loss: next };
      },
      { search: rule.initial, loss: 2 },
    );
    expect(Math.abs(flat.search.ratio)).toBeLessThan(1.5);
  });
});
