import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gradientMismatches } from "../autodiff/finite-differences.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { int32 } from "../graph/tensor.ts";
import { nodeRuntime } from "../runtime/node.ts";
import { builtBy, expectWorkedOut, extremeVectors, normalRows } from "./features.fixture.ts";
import { goldenTensors, measure } from "./losses.fixture.ts";
import { triplet, tripletLoss } from "./triplet.ts";

const minings = ["semiHard", "all"] as const;
const labels = int32([0, 1, 0, 1, 2]);

describe("the triplet loss", () => {
  it("has the values and gradients of triplets taken one by one", async () => {
    const tensors = { ...goldenTensors, labels: int32(Array.from({ length: 12 }, (_, index) => index % 3)) };
    for (const mining of minings) {
      for (const soft of [false, true]) {
        const name = `triplet ${mining}${soft ? " soft" : ""} (fs as [12,16]), labels i%3`;
        const lossOf = builtBy(triplet, { mining, soft });
        await expectWorkedOut(
          name,
          (parts, { fs, labels: given }) => lossOf(parts, { student: parts.g.reshape(fs as Value, [12, 16]), labels: given as Value }),
          "fs",
          tensors,
        );
      }
    }
  });

  it("has a gradient that agrees with central differences, to the margin too", async () => {
    for (const mining of minings) {
      for (const soft of [false, true]) {
        const test = {
          name: `triplet ${mining}`,
          inputs: [{ shape: [5, 4] }, { shape: [], range: [0.4, 0.6] as const }],
          build: (g: GraphBuilder, ...[embeddings, margin]: Value[]) =>
            tripletLoss(g, embeddings as Value, g.constant(labels), { margin, soft, mining }),
        };
        expect(await gradientMismatches(nodeRuntime({ threads: 1 }), test)).toEqual([]);
      }
    }
  });

  it("is 0 where classes are apart by the margin, and doesn't see lengths", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.double({ min: 0.1, max: 10, noNaN: true }), async (seed, factor) => {
        const student = normalRows(seed, [5, 4]);
        const longer = { ...student, data: student.data.map((x) => x * factor) };
        // The first axis is class 0's, the second class 1's, and so on.
        const apart = {
          ...student,
          data: student.data.map((x, index) => 0.01 * x + (index % 4 === labels.data[Math.floor(index / 4)] ? 5 : 0)),
        };
        for (const mining of minings) {
          const lossOf = builtBy(triplet, { mining });
          const { loss } = await measure(lossOf, { student, labels });
          expect((await measure(lossOf, { student: longer, labels })).loss).toBeCloseTo(loss, 5);
          expect((await measure(lossOf, { student: apart, labels })).loss).toBe(0);
          // Triplets of the first two classes are (0, 2, n) and (1, 3, n): the excess of each is at most 4 + margin.
          expect(loss).toBeLessThan(4.2);
        }
      }),
      { numRuns: 8 },
    );
  });

  it("is 0 for a batch of one class, and of a class for each sample", async () => {
    const student = normalRows(1, [3, 4]);
    for (const given of [
      [1, 1, 1],
      [0, 1, 2],
    ]) {
      for (const mining of minings) {
        for (const soft of [false, true]) {
          const { loss, gradient } = await measure(builtBy(triplet, { mining, soft }), { student, labels: int32(given) });
          expect(loss).toBe(0);
          expect(gradient.every((slope) => slope === 0)).toBe(true);
        }
      }
    }
  });

  it.each(Object.entries(extremeVectors))("is finite for %s", async (_, { student }) => {
    for (const mining of minings) {
      const given = int32([0, 0, 1].slice(0, student?.shape[0]));
      const { loss, gradient } = await measure(builtBy(triplet, { mining }), {
        student: student as NonNullable<typeof student>,
        labels: given,
      });
      expect(Number.isFinite(loss) && gradient.every(Number.isFinite)).toBe(true);
    }
  });

  it("refuses a batch of one", async () => {
    await expect(measure(builtBy(triplet), { student: normalRows(1, [1, 3]), labels: int32([0]) })).rejects.toThrow("there is only one");
  });
});
