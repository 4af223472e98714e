import { describe, expect, it } from "vitest";
import { gradientMismatches } from "../autodiff/finite-differences.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { type Float32Tensor, float32, int64, zeros } from "../graph/tensor.ts";
import { nodeRuntime } from "../runtime/node.ts";
import { builtBy, normalRows } from "./features.fixture.ts";
import { hiddenCosine, hiddenCosineLoss, hiddenMse, hiddenMseLoss } from "./hidden.ts";
import { expectGolden, goldenTensors, measure, rows, type Tensors } from "./losses.fixture.ts";
import { pkd, pkdLoss } from "./pkd.ts";

const definitions = { hiddenMse, hiddenCosine, pkd };
const tokens = (seed: number, tokenCount = 3) => ({ ...normalRows(seed, [2 * tokenCount, 4]), shape: [2, tokenCount, 4] });

describe("losses of hidden states", () => {
  it("have the values and gradients of TextBrewer and DistilBERT", async () => {
    await expectGolden("hid_mse masked (TextBrewer)", ({ g }, { hs, ht, mask }) => hiddenMseLoss(g, hs as Value, ht as Value, mask), "hs");
    await expectGolden(
      "cos_loss masked (DistilBERT)",
      ({ g }, { hs, ht, mask }) => hiddenCosineLoss(g, hs as Value, ht as Value, mask),
      "hs",
    );
    await expectGolden("pkd_loss [CLS]", ({ g }, { hs, ht }) => pkdLoss(g, hs as Value, ht as Value), "hs");
  });

  it.each([
    [
      "MSE",
      (g: GraphBuilder, s: Value, t: Value) =>
        hiddenMseLoss(
          g,
          s,
          t,
          g.constant(
            rows([
              [1, 1, 0],
              [1, 0, 0],
            ]),
          ),
        ),
    ],
    ["MSE of all", hiddenMseLoss],
    [
      "cosine",
      (g: GraphBuilder, s: Value, t: Value) =>
        hiddenCosineLoss(
          g,
          s,
          t,
          g.constant(
            rows([
              [1, 1, 0],
              [1, 0, 0],
            ]),
          ),
        ),
    ],
    ["cosine of all", hiddenCosineLoss],
    ["PKD", pkdLoss],
  ] as const)("%s: has a gradient that agrees with central differences", async (name, loss) => {
    const inputs = [{ shape: [2, 3, 4] }, { shape: [2, 3, 4] }];
    const build = (g: GraphBuilder, ...[student, teacher]: Value[]) => loss(g, student as Value, teacher as Value);
    expect(await gradientMismatches(nodeRuntime({ threads: 1 }), { name, inputs, build })).toEqual([]);
  });

  it.each(Object.entries(definitions))("%s is 0 for equal tokens, without a mask and with one of integers", async (_, definition) => {
    const [student, teacher] = [tokens(1), tokens(2)];
    for (const mask of [undefined, int64([1, 1, 0, 1, 0, 0], [2, 3])]) {
      const masked: Tensors = mask ? { mask } : {};
      expect((await measure(builtBy(definition), { student, teacher, ...masked })).loss).toBeGreaterThan(0.1);
      expect((await measure(builtBy(definition), { student, teacher: student, ...masked })).loss).toBeCloseTo(0, 6);
    }
  });

  it("don't see padding", async () => {
    const { hs, ht, mask } = goldenTensors as Record<"hs" | "ht" | "mask", Float32Tensor>;
    const isPadding = (index: number) => index >= 18 && index < 24;
    const other = { ...hs, data: hs.data.map((x, index) => (isPadding(index) ? 50 : x)) };
    for (const definition of [hiddenMse, hiddenCosine]) {
      const seen = await measure(builtBy(definition), { student: hs, teacher: ht, mask });
      const changed = await measure(builtBy(definition), { student: other, teacher: ht, mask });
      expect(changed.loss).toBe(seen.loss);
      expect(changed.gradient.every((slope, index) => (slope === 0) === isPadding(index))).toBe(true);
    }
  });

  it.each(Object.entries(definitions))("%s is finite where all is padding, and for tokens of zeros", async (_, definition) => {
    const none = float32([0, 0, 0, 0, 0, 0], [2, 3]);
    for (const student of [tokens(1), zeros("float32", [2, 3, 4])]) {
      for (const mask of [
        none,
        rows([
          [1, 1, 1],
          [0, 0, 0],
        ]),
      ]) {
        const { loss, gradient } = await measure(builtBy(definition), { student, teacher: tokens(2), mask });
        expect(Number.isFinite(loss) && gradient.every(Number.isFinite)).toBe(true);
      }
    }
  });

  it("refuse what are no tokens", async () => {
    const vectors = { student: normalRows(1, [2, 3]), teacher: normalRows(2, [2, 3]) };
    for (const definition of Object.values(definitions))
      await expect(measure(builtBy(definition), vectors)).rejects.toThrow("is taken of tokens [batch, tokens, features]");
  });
});
