import { describe, expect, it } from "vitest";
import { gradientMismatches } from "../autodiff/finite-differences.ts";
import type { Value } from "../graph/graph.ts";
import { nodeRuntime } from "../runtime/node.ts";
import { kdLoss } from "./kd.ts";
import { defined, ofPair } from "./logits.fixture.ts";
import { expectGolden, extremes, goldenTensors, measure } from "./losses.fixture.ts";
import { batchCorrelationLoss, classCorrelationLoss, multiLevel, multiLevelLoss } from "./multi-level.ts";

describe("multi-level distillation", () => {
  it("has the authors' values and gradients of its parts, and the sum's", async () => {
    await expectGolden(
      "MLLD cc_loss T=4",
      ofPair((g, student, teacher) => classCorrelationLoss(g, student, teacher, 4)),
    );
    await expectGolden(
      "MLLD bc_loss T=4",
      ofPair((g, student, teacher) => batchCorrelationLoss(g, student, teacher, 4)),
    );
    await expectGolden("multi-level", defined(multiLevel));
    await expectGolden("multi-level, standardised", defined(multiLevel, { options: { standardize: true } }));
  });

  it("has gradients that agree with central differences", async () => {
    const inputs = [{ shape: [4, 3] }, { shape: [4, 3] }];
    const mismatches = (formula: Parameters<typeof ofPair>[0]) =>
      gradientMismatches(nodeRuntime({ threads: 1 }), {
        name: "multi-level",
        inputs,
        build: (g, ...pair) => formula(g, ...(pair as [Value, Value])),
      });
    expect(await mismatches((g, student, teacher) => batchCorrelationLoss(g, student, teacher, 2))).toEqual([]);
    expect(await mismatches((g, student, teacher) => classCorrelationLoss(g, student, teacher, 2))).toEqual([]);
    expect(await mismatches((g, student, teacher) => multiLevelLoss(g, student, teacher, [1, 3]))).toEqual([]);
  });

  it.each(Object.entries(extremes))("is finite for %s", async (_, inputs) => {
    const { loss, gradient } = await measure(defined(multiLevel), inputs);
    expect(Number.isFinite(loss) && gradient.every(Number.isFinite)).toBe(true);
  });

  it("is 0 for equal logits, and adds up over its temperatures", async () => {
    const same = { ...goldenTensors, student: goldenTensors.teacher } as typeof goldenTensors;
    expect(Math.abs((await measure(defined(multiLevel), same)).loss)).toBeLessThan(1e-5);
    const of = async (temperatures: readonly number[]) =>
      (await measure(defined(multiLevel, { options: { temperatures } }), goldenTensors)).loss;
    expect(await of([2, 5])).toBeCloseTo((await of([2])) + (await of([5])), 4);
    const kl = await measure(
      ofPair((g, student, teacher) => kdLoss(g, student, teacher, 2)),
      goldenTensors,
    );
    expect(await of([2])).toBeGreaterThan(kl.loss);
  });
});
