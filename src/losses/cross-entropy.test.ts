import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gradientMismatches } from "../autodiff/finite-differences.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { int32, type Tensor } from "../graph/tensor.ts";
import { nodeRuntime } from "../runtime/node.ts";
import { crossEntropy, crossEntropyLoss } from "./cross-entropy.ts";
import { defined } from "./logits.fixture.ts";
import { expectGolden, extremes, type LossOf, measure, rows } from "./losses.fixture.ts";

const smoothed =
  (smoothing: number, asValue = false): LossOf =>
  ({ g }, { student, labels }) =>
    crossEntropyLoss(g, student as Value, labels as Value, asValue ? g.scalar(smoothing) : smoothing);

describe("cross-entropy", () => {
  it("has PyTorch's values and gradients", async () => {
    for (const asValue of [false, true]) {
      await expectGolden("CE(student,labels)", smoothed(0, asValue));
      await expectGolden("CE(student,labels), label smoothing 0.1", smoothed(0.1, asValue));
    }
    await expectGolden("CE(student,labels)", defined(crossEntropy));
    await expectGolden("CE(student,labels), label smoothing 0.1", defined(crossEntropy, { options: { labelSmoothing: 0.1 } }));
    expect(crossEntropy.needsTeacher).toBe(false);
  });

  it.each([0, 0.2])("has a gradient that agrees with central differences, with smoothing %d", async (smoothing) => {
    const test = {
      name: "cross-entropy",
      inputs: [{ shape: [4, 3] }],
      build: (g: GraphBuilder, x?: Value) => crossEntropyLoss(g, x as Value, g.constant(int32([0, 2, 1, 1])), smoothing),
      onlyFloat32: true,
    };
    expect(await gradientMismatches(nodeRuntime({ threads: 1 }), test)).toEqual([]);
  });

  it.each(Object.entries(extremes))("is finite for %s", async (_, inputs) => {
    for (const smoothing of [0, 0.1]) {
      const { student, labels } = inputs as { student: Tensor; labels: Tensor };
      const { loss, gradient } = await measure(smoothed(smoothing), { student, labels });
      expect(loss).toBeGreaterThanOrEqual(0);
      expect(Number.isFinite(loss) && gradient.every(Number.isFinite)).toBe(true);
    }
  });

  it("is log C where the logits say nothing, and does not see a constant added to a row", async () => {
    const row = fc.array(fc.double({ min: -8, max: 8, noNaN: true }), { minLength: 3, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(
        row,
        row,
        fc.integer({ min: 0, max: 2 }),
        fc.double({ min: 0, max: 0.9, noNaN: true }),
        async (a, b, label, smoothing) => {
          const of = async (student: number[][]) =>
            (await measure(smoothed(smoothing), { student: rows(student), labels: int32([label, 0]) })).loss;
          expect(
            await of([
              [a[0] as number, a[0] as number, a[0] as number],
              [0, 0, 0],
            ]),
          ).toBeCloseTo(Math.log(3), 5);
          expect(await of([a.map((logit) => logit + 5), b.map((logit) => logit - 3)])).toBeCloseTo(await of([a, b]), 4);
        },
      ),
      { numRuns: 15 },
    );
  });
});
