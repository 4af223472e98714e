import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planProbe } from "./plan.ts";

const cost = {
  studentMs: 0.1,
  teacherMs: 1,
  train: 50_000,
  validation: 5000,
  epochs: 20,
  batchSize: 64,
  arms: 2,
  teachers: 1,
  seeds: 3,
  parallel: 2,
  budgetMs: 1_200_000,
};
const asked = { samples: 4000, epochs: 6 };

describe("planProbe", () => {
  it("takes all that was asked for, and the whole recipe, where there is time", () => {
    expect(planProbe(cost, asked)).toEqual({ arm: asked, reach: { samples: 50_000, epochs: 20 } });
    expect(planProbe({ ...cost, train: 900 }, asked)).toEqual({ arm: { samples: 900, epochs: 6 }, reach: { samples: 900, epochs: 20 } });
  });

  it("halves samples, then epochs, where there isn't", () => {
    expect(planProbe({ ...cost, studentMs: 2.5 }, asked).arm).toEqual({ samples: 2000, epochs: 6 });
    expect(planProbe({ ...cost, studentMs: 1000 }, asked)).toEqual({
      arm: { samples: 512, epochs: 2 },
      reach: { samples: 512, epochs: 2 },
    });
  });

  it("takes no more time, and makes no longer runs, of slower networks or for less budget", () => {
    const ms = fc.double({ min: 0.001, max: 50, noNaN: true });
    fc.assert(
      fc.property(ms, ms, fc.integer({ min: 1000, max: 3_600_000 }), (studentMs, teacherMs, budgetMs) => {
        const [plan, slower, shorter] = [
          { ...cost, studentMs, teacherMs, budgetMs },
          { ...cost, studentMs: 2 * studentMs, teacherMs, budgetMs },
          { ...cost, studentMs, teacherMs, budgetMs: budgetMs / 2 },
        ].map((one) => planProbe(one, asked));
        for (const other of [slower, shorter]) {
          expect(other?.arm.samples).toBeLessThanOrEqual(plan?.arm.samples ?? 0);
          expect(other?.arm.epochs).toBeLessThanOrEqual(plan?.arm.epochs ?? 0);
          expect((other?.reach.samples ?? 0) * (other?.reach.epochs ?? 0)).toBeLessThanOrEqual(
            (plan?.reach.samples ?? 0) * (plan?.reach.epochs ?? 0),
          );
        }
        expect(plan?.reach.samples).toBeGreaterThanOrEqual(plan?.arm.samples ?? 0);
      }),
    );
  });
});
