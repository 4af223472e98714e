import { describe, expect, it } from "vitest";
import { gradientMismatches } from "../autodiff/finite-differences.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { float32 } from "../graph/tensor.ts";
import { nodeRuntime } from "../runtime/node.ts";
import { balanceLoss, jensenShannonLoss, oneHotLoss, statisticsLoss, totalVariationLoss } from "./generator.ts";
import { expectGolden, extremes, type LossOf, measure, rows } from "./losses.fixture.ts";

const runtime = nodeRuntime({ threads: 1 });
const statistics = (g: GraphBuilder, x: Value) =>
  statisticsLoss(g, x, g.cast(g.constant(float32([0.1, 0.2, 0.3])), x.type), g.cast(g.constant(float32([0.5, 1, 1.5])), x.type));

describe("the terms of a generator", () => {
  it("have the values and gradients of DAFL, CMI and DeepInversion", async () => {
    const golden: readonly (readonly [string, string, LossOf])[] = [
      ["onehot CE(T,argmax)", "teacher", ({ g }, { teacher }) => oneHotLoss(g, teacher as Value)],
      ["balance sum p log p (CMI, natural log)", "teacher", ({ g }, { teacher }) => balanceLoss(g, teacher as Value)],
      ["information entropy log10 (DAFL official)", "teacher", ({ g }, { teacher }) => balanceLoss(g, teacher as Value, "digits")],
      [
        "jsdiv T=3 (CMI/DeepInv, clamp .01-.99)",
        "student",
        ({ g }, { student, teacher }) => jensenShannonLoss(g, student as Value, teacher as Value),
      ],
      ["TV L1 (CMI get_image_prior_losses)", "fs", ({ g }, { fs }) => totalVariationLoss(g, fs as Value)],
      ["BN r_feature, running mean=.1,.2,.3 var=.5,1,1.5 (biased var)", "fs", ({ g }, { fs }) => statistics(g, fs as Value)],
    ];
    for (const [name, wrt, lossOf] of golden) await expectGolden(`data-free: ${name}`, lossOf, wrt);
  });

  it("have gradients that agree with central differences", async () => {
    const logits = { shape: [4, 3] };
    const distinct = { shape: [2, 2, 3, 4], distinct: true };
    const tests = [
      { name: "one hot", inputs: [{ ...logits, distinct: true }], build: (g: GraphBuilder, x: Value) => oneHotLoss(g, x) },
      { name: "balance", inputs: [logits], build: (g: GraphBuilder, x: Value) => balanceLoss(g, x) },
      { name: "total variation", inputs: [distinct], build: totalVariationLoss },
      { name: "statistics", inputs: [{ shape: [4, 3, 2] }], build: statistics },
      { name: "statistics of vectors", inputs: [{ shape: [5, 3] }], build: statistics },
    ];
    for (const { name, inputs, build } of tests) {
      expect(await gradientMismatches(runtime, { name, inputs, build: (g, ...x) => build(g, x[0] as Value) })).toEqual([]);
    }
    const divergence = {
      name: "Jensen-Shannon",
      inputs: [logits, logits, { shape: [], range: [2, 4] as const }],
      build: (g: GraphBuilder, ...inputs: Value[]) => jensenShannonLoss(g, ...(inputs as [Value, Value, Value])),
    };
    expect(await gradientMismatches(runtime, divergence)).toEqual([]);
  });

  it("are best where they should be", async () => {
    const sure = rows([
      [40, 0, 0],
      [0, 40, 0],
      [0, 0, 40],
    ]);
    expect((await measure(({ g }, { student }) => oneHotLoss(g, student as Value), { student: sure })).loss).toBeCloseTo(0, 6);
    expect((await measure(({ g }, { student }) => balanceLoss(g, student as Value), { student: sure })).loss).toBeCloseTo(-Math.log(3), 5);
    const same = { student: rows([[1, 2, 3]]), teacher: rows([[2, 3, 4]]) };
    expect(
      (await measure(({ g }, { student, teacher }) => jensenShannonLoss(g, student as Value, teacher as Value), same)).loss,
    ).toBeCloseTo(0, 6);
    const flat = { student: float32(new Float32Array(12).fill(0.4), [1, 3, 2, 2]) };
    expect((await measure(({ g }, { student }) => totalVariationLoss(g, student as Value), flat)).loss).toBe(0);
    const seen = { student: float32([0, 2, 1, 1], [2, 2]) };
    const { loss, gradient } = await measure(
      ({ g }, { student }) => statisticsLoss(g, student as Value, g.constant(float32([0.5, 1.5])), g.constant(float32([0.25, 0.25]))),
      seen,
    );
    expect(loss).toBeLessThan(1e-11);
    expect(gradient.every(Number.isFinite)).toBe(true);
  });

  it("vary across the directions that an image has", async () => {
    const row = { student: float32([1, 4, 6], [1, 1, 1, 3]) };
    expect((await measure(({ g }, { student }) => totalVariationLoss(g, student as Value), row)).loss).toBe(2.5);
    const pixel = { student: float32([7], [1, 1, 1, 1]) };
    expect((await measure(({ g }, { student }) => totalVariationLoss(g, student as Value), pixel)).loss).toBe(0);
  });

  it.each(Object.entries(extremes))("are finite for %s", async (_, inputs) => {
    const terms: readonly LossOf[] = [
      ({ g }, { student }) => oneHotLoss(g, student as Value),
      ({ g }, { student }) => balanceLoss(g, student as Value),
      ({ g }, { student, teacher }) => jensenShannonLoss(g, student as Value, teacher as Value),
    ];
    for (const term of terms) {
      const { loss, gradient } = await measure(term, inputs);
      expect(Number.isFinite(loss) && gradient.every(Number.isFinite)).toBe(true);
    }
  });
});
