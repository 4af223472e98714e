import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gradientMismatches } from "../autodiff/finite-differences.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { nodeRuntime } from "../runtime/node.ts";
import { dist, distLoss } from "./dist.ts";
import { defined, ofPair } from "./logits.fixture.ts";
import { expectGolden, extremes, measure, rows } from "./losses.fixture.ts";

const at = (temperature: number, beta = 1, gamma = 1) =>
  ofPair((g, student, teacher) => distLoss(g, student, teacher, { beta, gamma, temperature }));

describe("DIST", () => {
  it("has the authors' values and gradients", async () => {
    await expectGolden("DIST b=1 g=1 tau=1", defined(dist));
    await expectGolden("DIST b=1 g=1 tau=4", defined(dist, { numbers: { temperature: 4 } }));
    await expectGolden("DIST T=2, standardised", defined(dist, { numbers: { temperature: 2 }, options: { standardize: true } }));
  });

  it("has a gradient that agrees with central differences, to its numbers and to a temperature per sample too", async () => {
    const number = { shape: [], range: [1, 5] as const };
    for (const temperatures of [number, { ...number, shape: [4, 1] }]) {
      const test = {
        name: "dist",
        inputs: [{ shape: [4, 3] }, { shape: [4, 3] }, number, number, temperatures],
        build: (g: GraphBuilder, ...inputs: Value[]) => {
          const [student, teacher, beta, gamma, temperature] = inputs as [Value, Value, Value, Value, Value];
          return distLoss(g, student, teacher, { beta, gamma, temperature });
        },
      };
      expect(await gradientMismatches(nodeRuntime({ threads: 1 }), test)).toEqual([]);
    }
  });

  it.each(Object.entries(extremes))("is finite for %s", async (_, inputs) => {
    for (const temperature of [1, 4]) {
      const { loss, gradient } = await measure(at(temperature), inputs);
      expect(Number.isFinite(loss) && gradient.every(Number.isFinite)).toBe(true);
    }
  });

  it("is 0 for equal logits, and sees only order and proportions of a row's probabilities", async () => {
    const row = fc.uniqueArray(fc.integer({ min: -6, max: 6 }), { minLength: 4, maxLength: 4 });
    const matrix = fc.tuple(row, row, row);
    await fc.assert(
      fc.asyncProperty(matrix, matrix, fc.double({ min: 0.2, max: 1, noNaN: true }), async (student, teacher, share) => {
        const same = await measure(at(1, 1, 0), { student: rows(student), teacher: rows(student) });
        expect(Math.abs(same.loss)).toBeLessThan(1e-4);
        // Probabilities mixed with the uniform ones correlate with what they were, sample by sample.
        const mixed = student.map((logits) => {
          const exps = logits.map((logit) => Math.exp(logit));
          const sum = exps.reduce((total, one) => total + one, 0);
          return exps.map((one) => Math.log((share * one) / sum + (1 - share) / 4));
        });
        const of = async (logits: readonly number[][]) =>
          (await measure(at(1, 1, 0), { student: rows(logits), teacher: rows(teacher) })).loss;
        expect(await of(mixed)).toBeCloseTo(await of(student), 3);
      }),
      { numRuns: 15 },
    );
  });
});
