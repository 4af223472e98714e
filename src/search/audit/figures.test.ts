import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { differenceOf, expectedAccuracy } from "./figures.ts";

describe("differenceOf", () => {
  it("pairs seeds, and counts what is beyond two standard errors", () => {
    const { mean, deviation, margin } = differenceOf([0.82, 0.84, 0.86], [0.8, 0.8, 0.8], 10_000);
    expect([mean, deviation, margin]).toEqual([0.04, 0.02, (2 * 0.02) / Math.sqrt(3)].map((value) => expect.closeTo(value, 12)));
  });

  it("counts nothing below four samples, however alike the seeds are", () => {
    expect(differenceOf([0.82, 0.82], [0.8, 0.8], 100)).toEqual({
      mean: expect.closeTo(0.02, 12),
      deviation: expect.closeTo(0, 12),
      margin: 0.04,
    });
  });
});

describe("expectedAccuracy", () => {
  it("is what was measured, where that was the whole", () => {
    expect(expectedAccuracy({ seen: 100, accuracy: 0.8 }, { seen: 1000, accuracy: 0.9 }, 1000)).toEqual({
      accuracy: 0.9,
      isMeasured: true,
    });
  });

  it("follows a power law of the error", () => {
    // Error 0.4·(seen / 100)^−0.25.
    const error = (seen: number) => 0.4 * (seen / 100) ** -0.25;
    const at = (seen: number) => ({ seen, accuracy: 1 - error(seen) });
    expect(expectedAccuracy(at(100), at(1000), 50_000)).toEqual({ accuracy: expect.closeTo(1 - error(50_000), 12), isMeasured: false });
  });

  it("lies between the longer run and no mistake", () => {
    const unit = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(unit, unit, fc.integer({ min: 1, max: 900 }), (short, long, seen) => {
        const { accuracy } = expectedAccuracy({ seen, accuracy: short }, { seen: 900, accuracy: long }, 100_000);
        expect(accuracy).toBeGreaterThanOrEqual(long - 1e-12);
        expect(accuracy).toBeLessThanOrEqual(1);
      }),
    );
  });
});
