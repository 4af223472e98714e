import { describe, expect, it } from "vitest";
import { gradientMismatches } from "../autodiff/finite-differences.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { float32 } from "../graph/tensor.ts";
import { nodeRuntime } from "../runtime/node.ts";
import { type AttentionScoreOptions, attentionScoreLoss, attentionScores } from "./attention-scores.ts";
import { builtBy, normalRows } from "./features.fixture.ts";
import { expectGolden, type LossOf, measure, rows } from "./losses.fixture.ts";

const of =
  (options: AttentionScoreOptions = {}): LossOf =>
  ({ g }, { As, At }) =>
    attentionScoreLoss(g, As as Value, At as Value, options);
const scores = (seed: number, heads = 2) => ({ ...normalRows(seed, [2 * heads * 3, 3]), shape: [2, heads, 3, 3] });

describe("the loss of attention scores", () => {
  it("has the values and gradients of TextBrewer and TinyBERT", async () => {
    await expectGolden("att mse masked (TextBrewer)", (parts, values) => of({ mask: values.mask })(parts, values), "As");
    await expectGolden("att_mse TinyBERT (scores <= -1e2 zeroed, i.e. plain MSE here)", of(), "As");
    await expectGolden("att_mse no mask (TextBrewer quirk: every score <= -1e-3 zeroed)", of({ floor: -1e-3 }), "As");
  });

  it("has a gradient that agrees with central differences", async () => {
    const inputs = [{ shape: [2, 2, 3, 3] }, { shape: [2, 2, 3, 3] }];
    const mask = rows([
      [1, 1, 0],
      [1, 1, 1],
    ]);
    for (const masked of [false, true]) {
      const build = (g: GraphBuilder, ...[student, teacher]: Value[]) =>
        attentionScoreLoss(g, student as Value, teacher as Value, masked ? { mask: g.constant(mask) } : {});
      expect(await gradientMismatches(nodeRuntime({ threads: 1 }), { name: "scores", inputs, build })).toEqual([]);
    }
  });

  it("takes hidden places for 0, whatever hides them", async () => {
    const [student, teacher] = [scores(1), scores(2)];
    const mask = rows([
      [1, 1, 0],
      [1, 1, 1],
    ]);
    const hidden = (value: number) => ({
      ...student,
      data: student.data.map((score, index) => (index % 3 === 2 && index < 18 ? value : score)),
    });
    for (const form of ["masked", "tinyBert"]) {
      const lossOf = builtBy(attentionScores, { form });
      const low = await measure(lossOf, { student: hidden(-1e4), teacher, mask });
      const lowest = await measure(lossOf, { student: hidden(Number.NEGATIVE_INFINITY), teacher, mask });
      expect(lowest.loss).toBe(low.loss);
      expect(lowest.gradient.every(Number.isFinite)).toBe(true);
    }
    const all = await measure(builtBy(attentionScores, { form: "tinyBert" }), { student, teacher, mask });
    const seen = await measure(builtBy(attentionScores), { student, teacher, mask });
    expect(all.loss).not.toBeCloseTo(seen.loss, 3);
    expect((await measure(builtBy(attentionScores), { student, teacher })).loss).toBe(all.loss);
  });

  it("is 0 for equal scores, and where all is padding", async () => {
    const student = scores(1);
    expect((await measure(builtBy(attentionScores), { student, teacher: student })).loss).toBe(0);
    const { loss, gradient } = await measure(builtBy(attentionScores), {
      student,
      teacher: scores(2),
      mask: float32(new Float32Array(6), [2, 3]),
    });
    expect(loss).toBe(0);
    expect(gradient.every((slope) => slope === 0)).toBe(true);
  });

  it("refuses other numbers of heads, and what are no scores", async () => {
    await expect(measure(builtBy(attentionScores), { student: scores(1), teacher: scores(2, 4) })).rejects.toThrow(
      "compares heads one by one, but those of the student are 2, of the teacher 4",
    );
    const vectors = { student: normalRows(1, [2, 3]), teacher: normalRows(2, [2, 3]) };
    await expect(measure(builtBy(attentionScores), vectors)).rejects.toThrow("[batch, heads, tokens, tokens]");
  });
});
