import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gradientMismatches } from "../autodiff/finite-differences.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { type Float32Tensor, float32 } from "../graph/tensor.ts";
import { nodeRuntime } from "../runtime/node.ts";
import { builtBy, expectWorkedOut, extremeVectors, normalRows } from "./features.fixture.ts";
import { expectGolden, type LossOf, measure } from "./losses.fixture.ts";
import { rkdAngle, rkdAngleLoss, rkdDistance, rkdDistanceLoss } from "./rkd.ts";

const formulas = { distance: rkdDistanceLoss, angle: rkdAngleLoss };
const of =
  (loss: typeof rkdAngleLoss, student = "student", teacher = "teacher"): LossOf =>
  ({ g }, values) =>
    loss(g, values[student] as Value, values[teacher] as Value);

/** 25 times the distance, 50 times the angle: the published weights of the definitions. */
const both =
  (given: Readonly<Record<string, unknown>> = {}): LossOf =>
  (parts, values) => {
    const seen = { student: values.es as Value, teacher: values.et as Value };
    const weighted = [rkdDistance, rkdAngle].map((loss) => parts.g.mul(builtBy(loss, given)(parts, seen), loss.weight));
    return parts.g.sum(...weighted);
  };

/** Turned in a plane, scaled and moved: what relations don't see. */
function moved({ data, shape }: Float32Tensor, angle: number, factor: number, shift: number): Float32Tensor {
  const width = shape[1] as number;
  return float32(
    data.map((x, index) => {
      const column = index % width;
      const [first, second] = [data[index - column] as number, data[index - column + 1] as number];
      if (column > 1) return factor * x + shift;
      return (
        factor * (column === 0 ? Math.cos(angle) * first - Math.sin(angle) * second : Math.sin(angle) * first + Math.cos(angle) * second) +
        shift
      );
    }),
    shape,
  );
}

describe("relational knowledge distillation", () => {
  it("has the values and gradients of the authors' code, and of vectors made one long first", async () => {
    await expectGolden("RKD distance only (w=1)", of(rkdDistanceLoss, "es", "et"), "es");
    await expectGolden("RKD angle only (w=1)", of(rkdAngleLoss, "es", "et"), "es");
    await expectGolden("RKD 25*dist+50*angle", both(), "es");
    await expectWorkedOut("RKD 25*dist+50*angle of (es,et), L2 first", both({ normalize: true }), "es");
  });

  it.each(Object.entries(formulas))("%s: has a gradient that agrees with central differences", async (name, loss) => {
    const inputs = [{ shape: [5, 4] }, { shape: [5, 3] }];
    const build = (g: GraphBuilder, ...[student, teacher]: Value[]) => loss(g, student as Value, teacher as Value);
    expect(await gradientMismatches(nodeRuntime({ threads: 1 }), { name, inputs, build })).toEqual([]);
  });

  it.each(Object.entries(formulas))("%s: doesn't see vectors turned, scaled and moved, and is 0 between such", async (_, loss) => {
    const [angle, factor, shift] = [
      fc.double({ min: -3, max: 3, noNaN: true }),
      fc.double({ min: 0.1, max: 10, noNaN: true }),
      fc.double({ min: -300, max: 300, noNaN: true }),
    ];
    await fc.assert(
      fc.asyncProperty(fc.integer(), angle, factor, shift, async (seed, ...movement) => {
        const [student, teacher] = [normalRows(seed, [5, 4]), normalRows(seed + 1, [5, 6])];
        const lost = (await measure(of(loss), { student, teacher })).loss;
        expect(lost).toBeGreaterThan(1e-4);
        expect((await measure(of(loss), { student: moved(student, ...movement), teacher })).loss).toBeCloseTo(lost, 4);
        expect(Math.abs((await measure(of(loss), { student: moved(teacher, ...movement), teacher })).loss)).toBeLessThan(1e-6);
      }),
      { numRuns: 8 },
    );
  });

  it.each(Object.entries(extremeVectors))("is finite for %s", async (_, inputs) => {
    for (const definition of [rkdDistance, rkdAngle]) {
      for (const normalize of [false, true]) {
        const { loss, gradient } = await measure(builtBy(definition, { normalize }), inputs);
        expect(Number.isFinite(loss)).toBe(true);
        expect(Math.max(...gradient.map(Math.abs))).toBeLessThan(1e5);
      }
    }
  });

  it("gives equal vectors among many no directions from each other, though rounding errors lie between them", async () => {
    const [width, count] = [64, 20];
    const half = normalRows(1, [count, width]).data;
    // Multiplied row by row in another order, so that what is equal is computed by other sums.
    const student = float32([...half, ...half], [2 * count, width]);
    const { gradient } = await measure(of(rkdAngleLoss), { student, teacher: normalRows(2, [2 * count, width]) });
    expect(Math.max(...gradient.map(Math.abs))).toBeLessThan(0.01);
  });

  it("refuses a batch of one, and maps", async () => {
    const one = { student: normalRows(1, [1, 3]), teacher: normalRows(2, [1, 3]) };
    await expect(measure(of(rkdAngleLoss), one)).rejects.toThrow("compares the samples of a batch with each other, and there is only one");
    const maps = float32(new Float32Array(8), [2, 1, 2, 2]);
    await expect(measure(of(rkdDistanceLoss), { student: maps, teacher: maps })).rejects.toThrow("is taken of vectors [batch, features]");
  });
});
