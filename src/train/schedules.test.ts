import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { constant, cosine, linear, oneCycle, type Schedule, stepDecay, steps, withWarmup } from "./schedules.ts";

/** The values at every step of a run. */
const curve = (schedule: Schedule, totalSteps: number, stepsPerEpoch = totalSteps): number[] =>
  Array.from({ length: totalSteps }, (_, step) => schedule({ step, totalSteps, epoch: Math.floor(step / stepsPerEpoch) }));

const expectCurve = (found: readonly number[], expected: readonly number[]): void => {
  expect(found).toHaveLength(expected.length);
  found.forEach((value, step) => {
    expect(value, `step ${step}`).toBeCloseTo(expected[step] as number, 12);
  });
};

describe("schedules by their closed forms", () => {
  it("steps: an article's temperatures 10, 5, 3 from epochs 0, 5 and 15", () => {
    const found = curve(steps({ 15: 3, 0: 10, 5: 5 }), 40, 2);
    expect(found).toEqual([...new Array(10).fill(10), ...new Array(20).fill(5), ...new Array(10).fill(3)]);
  });

  it("stepDecay", () => {
    expectCurve(curve(stepDecay(0.1, [2, 3], 0.1), 5, 1), [0.1, 0.1, 0.01, 0.001, 0.001]);
  });

  it("constant and linear", () => {
    expect(curve(constant(4), 3)).toEqual([4, 4, 4]);
    expectCurve(curve(linear(1, 0), 4), [1, 0.75, 0.5, 0.25]);
  });

  it("cosine is PyTorch's CosineAnnealingLR with T_max the number of steps", () => {
    // torch.optim.lr_scheduler.CosineAnnealingLR(optimizer(lr=0.1), T_max=8, eta_min=0.01), PyTorch 2.13
    expectCurve(
      curve(cosine(0.1, 0.01), 8),
      COSINE,
    );
  });

  it.each(Object.entries(ONE_CYCLES))("oneCycle is PyTorch's OneCycleLR: %s", (_, { options, expected }) => {
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
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  /** A schedule with the largest value that it may take. */
  const shapes = fc.oneof(
    fc.tuple(value, value).map(([from, to]) => [cosine(from, to), Math.max(from, to)] as const),
    fc.tuple(value, value).map(([from, to]) => [linear(from, to), Math.max(from, to)] as const),
    fc.tuple(value, share, fc.double({ min: 1, max: 100, noNaN: true })).map(([peak, rise, divisor]) => [oneCycle(peak, rise, divisor), peak] as const),
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
    const smooth = fc.oneof(value.map((from) => [cosine(from), from] as const), fc.tuple(value, fc.double({ min: 0.1, max: 0.9, noNaN: true })).map(([peak, rise]) => [oneCycle(peak, rise), peak] as const));
    fc.assert(
      fc.property(smooth, ([schedule, most]) => {
        const found = curve(schedule, 1000);
        // A cosine over a tenth of 1,000 steps changes by at most π/2·1/100 of its range in one.
        found.slice(1).forEach((next, step) => {
          expect(Math.abs(next - (found[step] as number))).toBeLessThanOrEqual(0.017 * most + 1e-12);
        });
      }),
    );
  });
});
