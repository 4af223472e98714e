import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gradientMismatches } from "../autodiff/finite-differences.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { nodeRuntime } from "../runtime/node.ts";
import { jsd, jsdPerSample } from "./jsd.ts";
import { kdLoss } from "./kd.ts";
import { defined, ofPair } from "./logits.fixture.ts";
import { expectGolden, extremes, goldenTensors, measure, rows } from "./losses.fixture.ts";

const at = (beta: number) => defined(jsd, { options: { beta } });

describe("generalised Jensen-Shannon divergence", () => {
  it.each([0, 0.1, 0.5, 1])("has TRL's value and gradient for beta %d", async (beta) => {
    await expectGolden(`GJSD beta=${beta.toFixed(1)} (TRL, batchmean over rows; labels=None; [1,4,5])`, at(beta));
  });

  it("has T² before it at other temperatures", async () => {
    await expectGolden("JSD beta=0.3 T=2", defined(jsd, { numbers: { temperature: 2 }, options: { beta: 0.3 } }));
  });

  it.each([0, 0.3, 1])("has a gradient that agrees with central differences, to the temperature too, for beta %d", async (beta) => {
    const test = {
      name: "jsd",
      inputs: [{ shape: [4, 3] }, { shape: [4, 3] }, { shape: [4, 1], range: [1, 5] as const }],
      build: (g: GraphBuilder, ...inputs: Value[]) => {
        const [student, teacher, temperature] = inputs as [Value, Value, Value];
        return jsdPerSample(g, student, teacher, beta, temperature);
      },
    };
    expect(await gradientMismatches(nodeRuntime({ threads: 1 }), test)).toEqual([]);
  });

  it.each(Object.entries(extremes))("is finite for %s", async (_, inputs) => {
    for (const beta of [0, 0.01, 0.5, 1]) {
      const { loss, gradient } = await measure(at(beta), inputs);
      expect(Number.isFinite(loss) && gradient.every(Number.isFinite)).toBe(true);
    }
  });

  it("is the two KL divergences at the ends, and does not tend to them", async () => {
    const of = async (formula: Parameters<typeof ofPair>[0]) => (await measure(ofPair(formula), goldenTensors)).loss;
    const loss = async (beta: number) => (await measure(at(beta), goldenTensors)).loss;
    const forward = await of((g, student, teacher) => kdLoss(g, student, teacher, 1));
    expect(await loss(0)).toBeCloseTo(forward, 5);
    expect(await loss(1)).toBeCloseTo(await of((g, student, teacher) => kdLoss(g, teacher, student, 1)), 5);
    expect((await loss(1e-3)) / 1e-3).toBeCloseTo(forward, 1);
  });

  it("is symmetric at one half, between 0 and log 2, and 0 for equal logits", async () => {
    const row = fc.array(fc.double({ min: -8, max: 8, noNaN: true }), { minLength: 3, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(row, row, async (a, b) => {
        const of = async (student: number[], teacher: number[]) =>
          (await measure(at(0.5), { student: rows([student]), teacher: rows([teacher]) })).loss;
        const loss = await of(a, b);
        expect(loss).toBeCloseTo(await of(b, a), 5);
        expect(loss).toBeGreaterThan(-1e-6);
        expect(loss).toBeLessThan(Math.log(2) + 1e-6);
        expect(Math.abs(await of(a, a))).toBeLessThan(1e-6);
      }),
      { numRuns: 20 },
    );
  });
});
