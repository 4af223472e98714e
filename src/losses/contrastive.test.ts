import { describe, expect, it } from "vitest";
import { gradientMismatches } from "../autodiff/finite-differences.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { float32 } from "../graph/tensor.ts";
import { nodeRuntime } from "../runtime/node.ts";
import { contrastive, contrastiveLoss } from "./contrastive.ts";
import { cosine, cosineLoss } from "./cosine.ts";
import { builtBy, expectWorkedOut, extremeVectors, normalRows } from "./features.fixture.ts";
import { measure } from "./losses.fixture.ts";

describe("losses of embeddings", () => {
  it("have the values and gradients of PyTorch's cross-entropy and cosine", async () => {
    await expectWorkedOut("InfoNCE tau=.1 (es8,et)", ({ g }, { es8, et }) => contrastiveLoss(g, es8 as Value, et as Value, 0.1), "es8");
    await expectWorkedOut(
      "InfoNCE tau=.1 (es8,et)",
      ({ g }, { es8, et }) => contrastiveLoss(g, es8 as Value, et as Value, g.scalar(0.1)),
      "es8",
    );
    await expectWorkedOut("1-cos (es8,et)", ({ g }, { es8, et }) => cosineLoss(g, es8 as Value, et as Value), "es8");
  });

  it("have gradients that agree with central differences, to the temperature too", async () => {
    const vectors = [{ shape: [4, 3] }, { shape: [4, 3] }];
    const tests = [
      {
        name: "contrastive",
        inputs: [...vectors, { shape: [], range: [0.5, 2] as const }],
        build: (g: GraphBuilder, ...inputs: Value[]) => contrastiveLoss(g, ...(inputs as [Value, Value, Value])),
      },
      { name: "cosine", inputs: vectors, build: (g: GraphBuilder, ...inputs: Value[]) => cosineLoss(g, ...(inputs as [Value, Value])) },
    ];
    for (const test of tests) expect(await gradientMismatches(nodeRuntime({ threads: 1 }), test)).toEqual([]);
  });

  it("are least where every sample is its own teacher's", async () => {
    const teacher = normalRows(1, [4, 16]);
    const swapped = float32([...teacher.data.slice(16, 32), ...teacher.data.slice(0, 16), ...teacher.data.slice(32)], [4, 16]);
    for (const [definition, most] of [
      [contrastive, 0.01],
      [cosine, 1e-6],
    ] as const) {
      expect((await measure(builtBy(definition), { student: teacher, teacher })).loss).toBeLessThan(most);
      expect((await measure(builtBy(definition), { student: swapped, teacher })).loss).toBeGreaterThan(0.3);
    }
  });

  it.each(Object.entries(extremeVectors))("are finite for %s", async (_, inputs) => {
    for (const definition of [contrastive, cosine]) {
      const { loss, gradient } = await measure(builtBy(definition), inputs);
      expect(Number.isFinite(loss) && gradient.every(Number.isFinite)).toBe(true);
    }
  });

  it("refuse a batch of one where samples are compared", async () => {
    const one = { student: normalRows(1, [1, 3]), teacher: normalRows(2, [1, 3]) };
    await expect(measure(builtBy(contrastive), one)).rejects.toThrow("there is only one");
    expect((await measure(builtBy(cosine), one)).loss).toBeGreaterThan(0);
  });
});
