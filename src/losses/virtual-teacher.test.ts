import { describe, expect, it } from "vitest";
import { gradientMismatches } from "../autodiff/finite-differences.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { int32, type Tensor } from "../graph/tensor.ts";
import { nodeRuntime } from "../runtime/node.ts";
import { defined } from "./logits.fixture.ts";
import { expectGolden, extremes, measure, rows } from "./losses.fixture.ts";
import { virtualTeacher, virtualTeacherPerSample } from "./virtual-teacher.ts";

describe("a virtual teacher", () => {
  it("has PyTorch's values and gradients", async () => {
    await expectGolden("virtual teacher 0.99 T=20", defined(virtualTeacher));
    await expectGolden("virtual teacher 0.9 T=1", defined(virtualTeacher, { numbers: { confidence: 0.9, temperature: 1 } }));
    expect(virtualTeacher.needsTeacher).toBe(false);
  });

  it("has a gradient that agrees with central differences, to its numbers too", async () => {
    const test = {
      name: "virtual-teacher",
      inputs: [{ shape: [4, 3] }, { shape: [], range: [0.6, 0.9] as const }, { shape: [], range: [1, 5] as const }],
      build: (g: GraphBuilder, ...inputs: Value[]) => {
        const [student, confidence, temperature] = inputs as [Value, Value, Value];
        return virtualTeacherPerSample(g, student, g.constant(int32([0, 2, 1, 1])), { confidence, temperature });
      },
    };
    expect(await gradientMismatches(nodeRuntime({ threads: 1 }), test)).toEqual([]);
  });

  it.each(Object.entries(extremes))("is finite for %s", async (_, inputs) => {
    const { student, labels } = inputs as Record<"student" | "labels", Tensor>;
    const { loss, gradient } = await measure(defined(virtualTeacher), { student, labels });
    expect(Number.isFinite(loss) && gradient.every(Number.isFinite)).toBe(true);
  });

  it("is 0 for a student that says what it says, and refuses a single class", async () => {
    const u = [0.9, 0.05, 0.05].map((p) => p / 20);
    const { loss } = await measure(defined(virtualTeacher, { numbers: { confidence: 0.9 } }), { student: rows([u]), labels: int32([0]) });
    expect(Math.abs(loss)).toBeLessThan(1e-6);
    await expect(measure(defined(virtualTeacher), { student: rows([[1]]), labels: int32([0]) })).rejects.toThrow(/two classes/);
  });
});
