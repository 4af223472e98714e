import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gradientNorms } from "./gradient-norms.ts";
import type { ByTerm } from "./rule.ts";

const positive = fc.double({ min: 1e-3, max: 1e3, noNaN: true });
const byTerm = fc.dictionary(fc.constantFrom("a", "b", "c", "d"), fc.record({ norm: positive, weight: positive }), { minKeys: 1 });
const pick = (terms: Readonly<Record<string, { norm: number; weight: number }>>, key: "norm" | "weight"): ByTerm =>
  Object.fromEntries(Object.entries(terms).map(([name, term]) => [name, term[key]]));

describe("weights by gradient norms", () => {
  const rule = gradientNorms({ every: 50, smoothing: 0.9 });
  const after = (...measured: readonly ByTerm[]) =>
    measured.reduce((memory, norms) => rule.measured?.(memory, norms) ?? memory, rule.initial);

  it("make the weighted norms proportional to the weights, and leave their sum", () => {
    fc.assert(
      fc.property(byTerm, (terms) => {
        const [norms, weights] = [pick(terms, "norm"), pick(terms, "weight")];
        const factors = rule.factors(after(norms), weights);
        const names = Object.keys(terms);
        const weighted = (of: ByTerm) => names.map((name) => (weights[name] as number) * (of[name] as number) * (norms[name] as number));
        const [before, now] = [weighted(Object.fromEntries(names.map((name) => [name, 1]))), weighted(factors)];
        const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
        expect(sum(now) / sum(before)).toBeCloseTo(1, 9);
        const ratios = now.map((value, index) => value / (weights[names[index] as string] as number));
        for (const ratio of ratios) expect(ratio / (ratios[0] as number)).toBeCloseTo(1, 9);
      }),
    );
  });

  it("are the recipe's with one term, before anything is measured, and of a term whose gradient is none", () => {
    expect(rule.factors(rule.initial, { a: 2, b: 3 })).toEqual({ a: 1, b: 1 });
    expect(rule.factors(after({ a: 4 }), { a: 2 })).toEqual({ a: 1 });
    expect(rule.factors(after({ a: 4, b: 0, c: Number.NaN, d: 1 }), { a: 1, b: 1, c: 1, d: 1 })).toEqual({
      a: 2.5 / 4,
      b: 1,
      c: 1,
      d: 2.5,
    });
    expect(rule.factors(after({ a: 4, b: 1 }), { a: 0, b: 0 })).toEqual({ a: 1, b: 1 });
  });

  it("follow the mean of the norms, in the long run a moving one, which what is no number does not touch", () => {
    const means = (...measured: readonly number[]) => after(...measured.map((norm) => ({ a: norm }))).a;
    expect(means(10)).toEqual({ mean: 10, times: 1 });
    expect(means(10, 20, 0, 60, Number.POSITIVE_INFINITY)).toEqual({ mean: 30, times: 3 });
    const old = means(...new Array(30).fill(1));
    expect(means(...new Array(30).fill(1), 11)?.mean).toBeCloseTo(0.9 * (old?.mean ?? 0) + 0.1 * 11, 9);
  });
});
