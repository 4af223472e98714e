import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gradientMismatches } from "../autodiff/finite-differences.ts";
import type { Value } from "../graph/graph.ts";
import { nodeRuntime } from "../runtime/node.ts";
import { kd } from "./kd.ts";
import { defined } from "./logits.fixture.ts";
import { expectGolden, extremes, measure, rows } from "./losses.fixture.ts";
import { standardized } from "./standardize.ts";

const lskd = (temperature = 2) => defined(kd, { numbers: { temperature }, options: { standardize: true } });

describe("logit standardisation", () => {
  it("has the authors' values and gradients", async () => {
    await expectGolden("LSKD (z-score, unbiased std) T=2", lskd());
  });

  it("has a gradient that agrees with central differences", async () => {
    const test = { name: "standardized", inputs: [{ shape: [3, 4] }], build: standardized };
    expect(await gradientMismatches(nodeRuntime({ threads: 1 }), test)).toEqual([]);
  });

  it.each(Object.entries(extremes))("is finite for %s", async (_, inputs) => {
    const { loss, gradient } = await measure(lskd(), inputs);
    expect(Number.isFinite(loss) && gradient.every(Number.isFinite)).toBe(true);
  });

  it("moves a student of constant logits by no more than a thousandfold", async () => {
    const constant = { student: rows([[0, 0, 0]]), teacher: rows([[3, -1, 0]]) };
    const { gradient } = await measure(lskd(), constant);
    expect(Math.hypot(...gradient)).toBeGreaterThan(1);
    expect(Math.hypot(...gradient)).toBeLessThan(2000);
  });

  it("does not see a row's mean and scale, in the student or in the teacher", async () => {
    const row = fc.array(fc.integer({ min: -8, max: 8 }), { minLength: 4, maxLength: 4 }).filter((logits) => new Set(logits).size > 1);
    const affine = fc.record({ scale: fc.double({ min: 0.5, max: 4, noNaN: true }), shift: fc.double({ min: -5, max: 5, noNaN: true }) });
    await fc.assert(
      fc.asyncProperty(fc.tuple(row, row), fc.tuple(row, row), affine, affine, async (student, teacher, a, b) => {
        const of = async (x: readonly number[][], y: readonly number[][]) =>
          (await measure(lskd(), { student: rows(x), teacher: rows(y) })).loss;
        const moved = ({ scale, shift }: { scale: number; shift: number }, [first, second]: readonly [number[], number[]]) => [
          first.map((logit) => scale * logit + shift),
          second,
        ];
        expect(await of(moved(a, student), moved(b, teacher))).toBeCloseTo(await of(student, teacher), 4);
      }),
      { numRuns: 15 },
    );
  });

  it("leaves rows of mean 0 and unbiased std 1", async () => {
    const squares = await measure(({ g }, { student }) => g.reduceSumSquare(standardized(g, student as Value), { axes: [1] }), {
      student: rows([[1, 5, -2, 7]]),
    });
    expect(squares.loss).toBeCloseTo(3, 5);
  });
});
