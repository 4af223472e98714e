import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gradientMismatches } from "../autodiff/finite-differences.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { float32 } from "../graph/tensor.ts";
import { nodeRuntime } from "../runtime/node.ts";
import { builtBy, extremeVectors, normalRows } from "./features.fixture.ts";
import { expectGolden, measure } from "./losses.fixture.ts";
import { pkt, pktLoss } from "./pkt.ts";

describe("probabilistic knowledge transfer", () => {
  it("has RepDistiller's value and gradient", async () => {
    await expectGolden("PKT", ({ g }, { es, et }) => pktLoss(g, es as Value, et as Value), "es");
  });

  it("has a gradient that agrees with central differences", async () => {
    const inputs = [{ shape: [5, 4] }, { shape: [5, 3] }];
    const build = (g: GraphBuilder, ...[student, teacher]: Value[]) => pktLoss(g, student as Value, teacher as Value);
    expect(await gradientMismatches(nodeRuntime({ threads: 1 }), { name: "pkt", inputs, build })).toEqual([]);
  });

  it("is positive, 0 for equal directions, and doesn't see lengths", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.double({ min: 0.1, max: 10, noNaN: true }), async (seed, factor) => {
        const [student, teacher] = [normalRows(seed, [5, 4]), normalRows(seed + 1, [5, 6])];
        const lost = (await measure(builtBy(pkt), { student, teacher })).loss;
        expect(lost).toBeGreaterThan(0);
        // Row by row, each by a factor of its own.
        const longer = (x: typeof student) =>
          float32(
            x.data.map((number, index) => number * factor * (1 + Math.floor(index / (x.shape[1] as number)))),
            x.shape,
          );
        expect((await measure(builtBy(pkt), { student: longer(student), teacher })).loss).toBeCloseTo(lost, 6);
        expect(Math.abs((await measure(builtBy(pkt), { student: longer(teacher), teacher })).loss)).toBeLessThan(1e-7);
      }),
      { numRuns: 10 },
    );
  });

  it.each(Object.entries(extremeVectors))("is finite for %s", async (_, inputs) => {
    const { loss, gradient } = await measure(builtBy(pkt), inputs);
    expect(Number.isFinite(loss)).toBe(true);
    expect(Math.max(...gradient.map(Math.abs))).toBeLessThan(10);
  });
});
