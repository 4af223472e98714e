import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gradientMismatches } from "../autodiff/finite-differences.ts";
import { type GraphBuilder, graphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import { float32, type Tensor } from "../graph/tensor.ts";
import { nodeRuntime } from "../runtime/node.ts";
import { kd, kdLoss, kdPerSample } from "./kd.ts";
import { defined } from "./logits.fixture.ts";
import { expectGolden, extremes, goldenTensors, type LossOf, measure, rows } from "./losses.fixture.ts";

const at =
  (temperature: number, asValue = false): LossOf =>
  ({ g }, { student, teacher }) =>
    kdLoss(g, student as Value, teacher as Value, asValue ? g.scalar(temperature) : temperature);

const runtime = nodeRuntime({ threads: 1 });

/** The loss in float64, where differences of nearly equal logarithms can still be seen. */
async function inFloat64(
  student: readonly (readonly number[])[],
  teacher: readonly (readonly number[])[],
  temperature: number,
): Promise<number> {
  const g = graphBuilder("kd");
  const shape = [student.length, student[0]?.length ?? 0];
  const rows = (name: string) => g.input(name, "float64", shape);
  g.output(kdLoss(g, rows("student"), rows("teacher"), g.scalar(temperature, "float64")), "loss");
  const session = await runtime.createSession(writeOnnx(g.build()));
  const tensor = (values: readonly (readonly number[])[]) => ({ type: "float64", shape, data: Float64Array.from(values.flat()) }) as const;
  const { loss } = await session.run({ student: tensor(student), teacher: tensor(teacher) });
  await session.release();
  return Number(loss?.data[0]);
}

const rowsOf = (tensor?: Tensor): number[][] =>
  Array.from({ length: tensor?.shape[0] ?? 0 }, (_, row) => {
    const columns = tensor?.shape[1] ?? 0;
    return Array.from(tensor?.data.slice(row * columns, (row + 1) * columns) ?? [], Number);
  });

const centred = (row: readonly number[]): number[] => row.map((logit) => logit - row.reduce((sum, other) => sum + other, 0) / row.length);

describe("knowledge distillation", () => {
  it("has RepDistiller's values and gradients", async () => {
    for (const asValue of [false, true]) {
      await expectGolden("KD T=1 (RepDistiller DistillKL; = mdistiller kd_loss)", at(1, asValue));
      await expectGolden("KD T=4 (RepDistiller DistillKL; = mdistiller kd_loss)", at(4, asValue));
      await expectGolden("KD T=4 (mdistiller)", at(4, asValue));
    }
    await expectGolden("KD T=4 (mdistiller)", defined(kd));
  });

  it.each([[[]], [[4, 1]]])("has a gradient that agrees with central differences, to a temperature %j too", async (shape) => {
    const test = {
      name: "kd",
      inputs: [{ shape: [4, 3] }, { shape: [4, 3] }, { shape, range: [1, 5] as const }],
      build: (g: GraphBuilder, ...inputs: Value[]) => kdPerSample(g, ...(inputs as [Value, Value, Value])),
    };
    expect(await gradientMismatches(runtime, test)).toEqual([]);
  });

  it("takes each sample at its own temperature, and the mean of them", async () => {
    const { loss } = await measure(({ g }, { student, teacher }) => {
      const temperature = g.constant(float32([1, 4, 4, 4], [4, 1]));
      const apart = kdPerSample(g, student as Value, teacher as Value, temperature);
      const [first, others] = [1, 4].map((one) => kdPerSample(g, student as Value, teacher as Value, one)) as [Value, Value];
      const joined = g.concat([g.slice(first, [{ axis: 0, start: 0, end: 1 }]), g.slice(others, [{ axis: 0, start: 1, end: 4 }])], 0);
      return g.abs(g.sub(apart, joined));
    }, goldenTensors);
    expect(loss).toBeLessThan(1e-6);
  });

  it("refuses logits of different classes, and what is no matrix", async () => {
    const { student } = goldenTensors as { student: Tensor };
    await expect(measure(at(4), { student, teacher: rows([[1, 2]]) })).rejects.toThrow(/same classes/);
    await expect(measure(at(4), { student: float32([1, 2]), teacher: float32([1, 2]) })).rejects.toThrow(/\[batch, classes\]/);
  });

  it.each(Object.entries(extremes))("is finite for %s", async (_, inputs) => {
    for (const temperature of [1, 20]) {
      const { loss, gradient } = await measure(at(temperature), inputs);
      expect(Number.isFinite(loss) && gradient.every(Number.isFinite)).toBe(true);
    }
  });

  it("is never negative, zero for equal logits, and does not see a constant added to a row", async () => {
    const row = fc.array(fc.double({ min: -8, max: 8, noNaN: true }), { minLength: 4, maxLength: 4 });
    const rows = fc.array(row, { minLength: 2, maxLength: 2 });
    await fc.assert(
      fc.asyncProperty(rows, rows, fc.double({ min: 1, max: 10, noNaN: true }), async (student, teacher, temperature) => {
        const loss = await inFloat64(student, teacher, temperature);
        expect(loss).toBeGreaterThan(-1e-12);
        expect(Math.abs(await inFloat64(student, student, temperature))).toBeLessThan(1e-12);
        const moved = await inFloat64(
          student.map((logits, index) => logits.map((logit) => logit + 3 - 7 * index)),
          teacher,
          temperature,
        );
        expect(moved).toBeCloseTo(loss, 9);
      }),
      { numRuns: 20 },
    );
  });

  it("tends to half the squared distance of the centred logits over C as the temperature grows", async () => {
    const [student, teacher] = [rowsOf(goldenTensors.student), rowsOf(goldenTensors.teacher)];
    const distances = student.map((row, index) => {
      const other = centred(teacher[index] as number[]);
      return centred(row).reduce((sum, logit, column) => sum + (logit - (other[column] as number)) ** 2, 0);
    });
    const limit = distances.reduce((sum, distance) => sum + distance, 0) / student.length / (2 * (student[0]?.length as number));
    expect(limit).toBeCloseTo(2.89142, 5);
    expect(await inFloat64(student, teacher, 1000)).toBeCloseTo(2.89162, 5);
    expect(Math.abs((await inFloat64(student, teacher, 1e5)) - limit)).toBeLessThan(1e-5);
  });
});
