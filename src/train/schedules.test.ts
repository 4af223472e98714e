import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { constant, cosine, exponential, linear, oneCycle, type Schedule, stepDecay, steps, withWarmup } from "./schedules.ts";

/** The values at every step of a run. */
const curve = (schedule: Schedule, totalSteps: number, stepsPerEpoch = totalSteps): number[] =>
  Array.from({ length: totalSteps }, (_, step) => schedule({ step, totalSteps, epoch: Math.floor(step / stepsPerEpoch) }));

const expectCurve = (found: readonly number[], expected: readonly number[]): void => {
  expect(found).toHaveLength(expected.length);
  found.forEach((value, step) => {
    expect(value, `step ${step}`).toBeCloseTo(expected[step] as number, 12);
  });
};

/** torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr, total_steps, pct_start, div_factor), PyTorch 2.13. */
const oneCycles: Readonly<Record<string, { readonly options: Parameters<typeof oneCycle>; readonly expected: readonly number[] }>> = {
  "its defaults": {
    options: [0.1],
    expected: [
      0.004, 0.052, 0.1, 0.095048463201347, 0.081174565394976, 0.061126202193629, 0.038874197806371, 0.018825834605024, 0.0049519367986526,
      4e-7,
    ],
  },
  "another rise and divisor": {
    options: [0.5, 0.4, 10],
    expected: [
      0.05, 0.19521390041543, 0.4434149183385, 0.49326128503278, 0.42156119386309, 0.29341411029629, 0.15098354868963, 0.041132635866294,
      5e-6,
    ],
  },
  "rising all the time": { options: [0.5, 1, 10], expected: [0.05, 0.1625, 0.3875, 0.5] },
  "never rising": { options: [0.5, 0, 10], expected: [0.42677742752968, 0.2500025, 0.073227572470316, 5e-6] },
};

describe("schedules by their closed forms", () => {
  it("steps: an article's temperatures 10, 5, 3 from epochs 0, 5 and 15", () => {
    const found = curve(steps({ 15: 3, 0: 10, 5: 5 }), 40, 2);
    expect(found).toEqual([...new Array(10).fill(10), ...new Array(20).fill(5), ...new Array(10).fill(3)]);
  });

  it("stepDecay", () => {
    expectCurve(curve(stepDecay(0.1, [2, 3], 0.1), 5, 1), [0.1, 0.1, 0.01, 0.001, 0.001]);
    expectCurve(curve(stepDecay(0.1, [0.5, 0.75], 0.1), 4, 1), [0.1, 0.1, 0.01, 0.001]);
  });

  it("constant and linear", () => {
    expect(curve(constant(4), 3)).toEqual([4, 4, 4]);
    expectCurve(curve(linear(1, 0), 4), [1, 0.75, 0.5, 0.25]);
  });

  it("cosine is PyTorch's CosineAnnealingLR with T_max the number of steps", () => {
    // torch.optim.lr_scheduler.CosineAnnealingLR(optimizer(lr=0.1), T_max=8, eta_min=0.01), PyTorch 2.13
    const expected = [
      0.1, 0.096574578963008, 0.086819805153395, 0.072220754456429, 0.055, 0.037779245543571, 0.023180194846605, 0.013425421036992,
    ];
    expectCurve(curve(cosine(0.1, 0.01), 8), expected);
  });

  it("exponential: by the same factor at each step", () => {
    expectCurve(curve(exponential(8, 0.5), 4), [8, 4, 2, 1]);
    expectCurve(curve(exponential(1, 16), 4), [1, 2, 4, 8]);
    expectCurve(curve(withWarmup(exponential(9, 1), 0.5), 4), [4.5, 9, 9, 3]);
  });

  it.each(Object.entries(oneCycles))("oneCycle is PyTorch's OneCycleLR: %s", (_, { options, expected }) => {
    expectCurve(curve(oneCycle(...options), expected.length), expected);
  });

  it("warm-up rises to the schedule's first value and leaves the rest of the run to it", () => {
    expectCurve(curve(withWarmup(linear(1, 0), 0.25), 8), [0.5, 1, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6]);
    expect(curve(withWarmup(constant(2), 0), 3)).toEqual([2, 2, 2]);
    expectCurve(curve(withWarmup(constant(2), 1), 4), [0.5, 1, 1.5, 2]);
  });
});

describe("any schedule", () => {
  const value = fc.double({ min: 0, max: 10, noNaN: true });
  const above0 = fc.double({ min: 1e-6, max: 10, noNaN: true });
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  /** A schedule with the largest value that it may take. */
  const shapes = fc.oneof(
    fc.tuple(value, value).map(([from, to]) => [cosine(from, to), Math.max(from, to)] as const),
    fc.tuple(value, value).map(([from, to]) => [linear(from, to), Math.max(from, to)] as const),
    fc.tuple(above0, above0).map(([from, to]) => [exponential(from, to), Math.max(from, to)] as const),
    fc
      .tuple(value, share, fc.double({ min: 1, max: 100, noNaN: true }))
      .map(([peak, rise, divisor]) => [oneCycle(peak, rise, divisor), peak] as const),
    fc.tuple(value, fc.uniqueArray(fc.nat(9)), share).map(([from, at, factor]) => [stepDecay(from, at, factor), from] as const),
    value.map((fixed) => [constant(fixed), fixed] as const),
  );

  it("is finite, not negative and within its bounds at every step, warmed up or not", () => {
    fc.assert(
      fc.property(shapes, fc.integer({ min: 1, max: 60 }), share, ([schedule, most], totalSteps, warmup) => {
        for (const found of [...curve(schedule, totalSteps, 5), ...curve(withWarmup(schedule, warmup), totalSteps, 5)]) {
          expect(found).toBeGreaterThanOrEqual(0);
          expect(found).toBeLessThanOrEqual(most * (1 + 1e-12));
        }
      }),
    );
  });

  it("moves without jumps where it has no milestones", () => {
    const smooth = fc.oneof(
      value.map((from) => [cosine(from), from] as const),
      fc.tuple(value, fc.double({ min: 0.1, max: 0.9, noNaN: true })).map(([peak, rise]) => [oneCycle(peak, rise), peak] as const),
    );
    fc.assert(
      fc.property(smooth, ([schedule, most]) => {
        const found = curve(schedule, 1000);
        // A cosine over a tenth of 1,000 steps changes by at most π/2·1/100 of its range in one.
        const jumps = found.slice(1).map((next, step) => Math.abs(next - (found[step] as number)));
        expect(Math.max(...jumps)).toBeLessThanOrEqual(0.017 * most + 1e-12);
      }),
    );
  });
});
