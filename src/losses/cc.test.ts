import { describe, expect, it } from "vitest";
import { gradientMismatches } from "../autodiff/finite-differences.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { nodeRuntime } from "../runtime/node.ts";
import { cc, consecutiveCcLoss, gaussianCcLoss } from "./cc.ts";
import { builtBy, expectWorkedOut, extremeVectors, normalRows } from "./features.fixture.ts";
import { expectGolden, measure } from "./losses.fixture.ts";

const formulas = { consecutive: consecutiveCcLoss, gaussian: gaussianCcLoss };

describe("correlation congruence", () => {
  it("has the values and gradients of RepDistiller and of torchdistill's formula", async () => {
    await expectGolden("CC (RepDistiller Correlation)", ({ g }, { es8, et }) => consecutiveCcLoss(g, es8 as Value, et as Value), "es8");
    await expectWorkedOut(
      "CC Gaussian, p<=2, gamma=.4 (es8,et)",
      ({ g }, { es8, et }) => gaussianCcLoss(g, es8 as Value, et as Value),
      "es8",
    );
  });

  it.each(Object.entries(formulas))("%s: has a gradient that agrees with central differences", async (name, loss) => {
    // Farther apart than differences step, so that no absolute value bends.
    const inputs = [
      { shape: [4, 3], range: [1, 2] as const },
      { shape: [4, 3], range: [-1, 0] as const },
    ];
    const build = (g: GraphBuilder, ...[student, teacher]: Value[]) => loss(g, student as Value, teacher as Value);
    expect(await gradientMismatches(nodeRuntime({ threads: 1 }), { name, inputs, build })).toEqual([]);
  });

  it.each(Object.entries(formulas))("%s: is 0, with a gradient of 0, for equal embeddings", async (_, loss) => {
    const x = normalRows(7, [4, 3]);
    const { loss: lost, gradient } = await measure(({ g }, values) => loss(g, values.student as Value, values.teacher as Value), {
      student: x,
      teacher: x,
    });
    expect(lost).toBeLessThan(1e-12);
    expect(Math.max(...gradient.map(Math.abs))).toBeLessThan(1e-12);
  });

  it.each(Object.entries(extremeVectors))("embeds vectors of any width, and is finite for %s", async (_, inputs) => {
    for (const form of ["consecutive", "gaussian"]) {
      const { loss, gradient } = await measure(builtBy(cc, { form }), {
        ...inputs,
        teacher: normalRows(3, [inputs.student?.shape[0] ?? 0, 9]),
      });
      expect(Number.isFinite(loss) && gradient.every(Number.isFinite)).toBe(true);
      expect(gradient.some((slope) => slope !== 0)).toBe(true);
    }
  });

  it("refuses a batch of one", async () => {
    const one = { student: normalRows(1, [1, 3]), teacher: normalRows(2, [1, 3]) };
    await expect(measure(builtBy(cc), one)).rejects.toThrow("there is only one");
  });
});
