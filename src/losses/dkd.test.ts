import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gradientMismatches } from "../autodiff/finite-differences.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { int32 } from "../graph/tensor.ts";
import { nodeRuntime } from "../runtime/node.ts";
import { dkd, dkdPerSample } from "./dkd.ts";
import { kd, kdLoss } from "./kd.ts";
import { defined } from "./logits.fixture.ts";
import { targets } from "./logits.ts";
import { expectGolden, extremes, goldenTensors, type LossOf, measure, rows } from "./losses.fixture.ts";

const at =
  (alpha: number, beta: number, temperature: number): LossOf =>
  ({ g }, { student, teacher, labels }) =>
    dkdPerSample(g, student as Value, teacher as Value, labels as Value, { alpha, beta, temperature });

const twoClasses = { student: rows([[0.3, -2]]), teacher: rows([[-1, 4]]), labels: int32([1]) };

describe("decoupled distillation", () => {
  it("has mdistiller's values and gradients, whole and in parts", async () => {
    await expectGolden("DKD a=1 b=8 T=4", defined(dkd));
    await expectGolden("DKD TCKD only T=4", at(1, 0, 4));
    await expectGolden("DKD NCKD only T=4", at(0, 1, 4));
    await expectGolden("DKD a=1 b=8 T=2, standardised", defined(dkd, { numbers: { temperature: 2 }, options: { standardize: true } }));
  });

  it("has a gradient that agrees with central differences, to its numbers too", async () => {
    const number = { shape: [], range: [1, 5] as const };
    const test = {
      name: "dkd",
      inputs: [{ shape: [4, 3] }, { shape: [4, 3] }, number, number, number],
      build: (g: GraphBuilder, ...inputs: Value[]) => {
        const [student, teacher, alpha, beta, temperature] = inputs as [Value, Value, Value, Value, Value];
        return dkdPerSample(g, student, teacher, g.constant(int32([0, 2, 1, 1])), { alpha, beta, temperature });
      },
    };
    expect(await gradientMismatches(nodeRuntime({ threads: 1 }), test)).toEqual([]);
  });

  it.each(Object.entries(extremes).filter(([, { student }]) => student?.shape[1] !== 2))("is finite for %s", async (_, inputs) => {
    for (const temperature of [1, 4]) {
      const { loss, gradient } = await measure(at(1, 8, temperature), inputs);
      expect(Number.isFinite(loss) && gradient.every(Number.isFinite)).toBe(true);
    }
  });

  it("still has a gradient where the student is as sure as float32 can tell", async () => {
    const sure = { student: rows([[60, 0, -1]]), teacher: rows([[1, 2, 3]]), labels: int32([0]) };
    const { loss, gradient } = await measure(at(1, 0, 1), sure);
    // The teacher's 1 − p_y is 0.91, the student's e^-60: 0.09·log 0.09 + 0.91·(log 0.91 + 59.69).
    expect(loss).toBeCloseTo(53.99, 1);
    expect(gradient[0]).toBeCloseTo(1 - 0.09003, 4);
  });

  it("is kd where NCKD has the weight 1 − p_y of the teacher", async () => {
    const row = fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 4, maxLength: 4 });
    const matrix = fc.array(row, { minLength: 2, maxLength: 2 });
    await fc.assert(
      fc.asyncProperty(matrix, matrix, fc.double({ min: 1, max: 6, noNaN: true }), async (student, teacher, temperature) => {
        const tensors = { student: rows(student), teacher: rows(teacher), labels: int32([3, 0]) };
        const decoupled: LossOf = ({ g }, values) => {
          const [s, t, y] = [values.student, values.teacher, values.labels] as [Value, Value, Value];
          const sureness = g.reduceSum(g.mul(targets(g, y, t), g.softmax(g.div(t, temperature))), { axes: [1] });
          return dkdPerSample(g, s, t, y, { alpha: 1, beta: g.sub(1, sureness), temperature });
        };
        const whole: LossOf = ({ g }, values) => kdLoss(g, values.student as Value, values.teacher as Value, temperature);
        const [parts, kl] = [await measure(decoupled, tensors), await measure(whole, tensors)];
        expect(Math.abs(parts.loss - kl.loss)).toBeLessThan(1e-4 * (1 + kl.loss));
        expect(Math.abs((await measure(at(1, 8, temperature), { ...tensors, student: tensors.teacher })).loss)).toBeLessThan(1e-5);
      }),
      { numRuns: 15 },
    );
  });

  it("refuses two classes, unless kd may take its place", async () => {
    await expect(measure(defined(dkd), twoClasses)).rejects.toThrow(/three classes or more/);
    const fallback = await measure(defined(dkd, { numbers: { alpha: 0.5 }, options: { binary: "kd" } }), twoClasses);
    expect(fallback.loss).toBeCloseTo((await measure(defined(kd), twoClasses)).loss / 2, 6);
    const more = defined(dkd, { options: { binary: "kd" } });
    expect((await measure(more, goldenTensors)).loss).toBeCloseTo((await measure(defined(dkd), goldenTensors)).loss, 6);
  });
});
