import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gradientMismatches } from "../autodiff/finite-differences.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { float32 } from "../graph/tensor.ts";
import { nodeRuntime } from "../runtime/node.ts";
import { builtBy, expectWorkedOut, normalRows } from "./features.fixture.ts";
import { expectGolden, measure, rows } from "./losses.fixture.ts";
import { attentionDivergence, miniLm, miniLmV2, relationLoss } from "./minilm.ts";

const runtime = nodeRuntime({ threads: 1 });
const mask = rows([
  [1, 1, 0],
  [1, 1, 1],
]);
const tokens = (seed: number, width = 4) => ({ ...normalRows(seed, [6, width]), shape: [2, 3, width] });
const scores = (seed: number, heads = 2) => ({ ...normalRows(seed, [2 * heads * 3, 3]), shape: [2, heads, 3, 3] });

describe("MiniLM", () => {
  it("has the value and gradient of Bloomberg's implementation, and of the paper's attention term", async () => {
    await expectGolden(
      "MiniLMv2 one relation, A_r=2, d_r=3, /sqrt(d_r) (bloomberg _get_kl_loss)",
      ({ g }, values) => relationLoss(g, values.hs as Value, values.ht as Value, 2, values.mask),
      "hs",
    );
    await expectWorkedOut(
      "MiniLM attention KL (As,At), masked",
      ({ g }, { As, At, mask }) => attentionDivergence(g, As as Value, At as Value, mask),
      "As",
    );
  });

  it("has gradients that agree with central differences", async () => {
    for (const masked of [false, true]) {
      const relations = {
        name: "relations",
        inputs: [{ shape: [2, 3, 4] }, { shape: [2, 3, 6] }],
        build: (g: GraphBuilder, ...[student, teacher]: Value[]) =>
          relationLoss(g, student as Value, teacher as Value, 2, masked ? g.constant(mask) : undefined),
      };
      const attention = {
        name: "attention",
        inputs: [{ shape: [2, 2, 3, 3] }, { shape: [2, 2, 3, 3] }],
        build: (g: GraphBuilder, ...[student, teacher]: Value[]) =>
          attentionDivergence(g, student as Value, teacher as Value, masked ? g.constant(mask) : undefined),
      };
      expect([...(await gradientMismatches(runtime, relations)), ...(await gradientMismatches(runtime, attention))]).toEqual([]);
    }
  });

  it("is never negative, 0 for what is equal, and doesn't see padding", async () => {
    const lossOf = builtBy(miniLmV2, { relationHeads: 2 });
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const [student, teacher] = [tokens(seed), tokens(seed + 1, 8)];
        const { loss } = await measure(lossOf, { student, teacher, mask });
        expect(loss).toBeGreaterThan(0);
        expect(Math.abs((await measure(lossOf, { student: teacher, teacher, mask })).loss)).toBeLessThan(1e-6);
        const padding = { ...student, data: student.data.map((x, index) => (index >= 8 && index < 12 ? 30 : x)) };
        const changed = await measure(lossOf, { student: padding, teacher, mask });
        expect(changed.loss).toBeCloseTo(loss, 6);
        expect(Array.from(changed.gradient.slice(8, 12)).every((slope) => Math.abs(slope) < 1e-7)).toBe(true);
      }),
      { numRuns: 10 },
    );
  });

  it("adds the terms of scores and values, in heads of the attention", async () => {
    const inputs = { student: scores(1), teacher: scores(2), studentValues: tokens(3), teacherValues: tokens(4, 6), mask };
    const pairNames = [
      ["student", "teacher"],
      ["studentValues", "teacherValues"],
    ] as const;
    const { loss } = await measure(builtBy(miniLm, {}, { pairNames }), inputs);
    const attention = await measure(
      ({ g }, { student, teacher, mask: seen }) => attentionDivergence(g, student as Value, teacher as Value, seen),
      inputs,
    );
    const values = await measure(
      ({ g }, { studentValues, teacherValues, mask: seen }) => relationLoss(g, studentValues as Value, teacherValues as Value, 2, seen),
      inputs,
      "studentValues",
    );
    expect(loss).toBeCloseTo(attention.loss + values.loss, 6);
    await expect(measure(builtBy(miniLm), { student: scores(1), teacher: scores(2) })).rejects.toThrow("MiniLM takes the scores");
  });

  it("takes the mean over relations", async () => {
    const inputs = { student: tokens(1), teacher: tokens(2), otherStudent: tokens(3), otherTeacher: tokens(4) };
    const [first, second] = [
      ["student", "teacher"],
      ["otherStudent", "otherTeacher"],
    ] as const;
    const at = async (...pairNames: (readonly [string, string])[]) =>
      (await measure(builtBy(miniLmV2, { relationHeads: 4 }, { pairNames }), inputs)).loss;
    expect(await at(first, second)).toBeCloseTo(((await at(first)) + (await at(second))) / 2, 6);
  });

  it("is finite for padding alone, for scores of minus infinity, and for ±10⁴", async () => {
    const none = float32(new Float32Array(6), [2, 3]);
    const hidden = { ...scores(1), data: scores(1).data.map((x, index) => [x, Number.NEGATIVE_INFINITY, 1e4, -1e4][index % 4] as number) };
    const attention = builtBy(
      miniLm,
      {},
      {
        pairNames: [
          ["student", "teacher"],
          ["studentValues", "teacherValues"],
        ],
      },
    );
    for (const seen of [none, mask]) {
      const values = { studentValues: { ...tokens(3), data: tokens(3).data.map((x) => x * 100) }, teacherValues: tokens(4) };
      for (const [student, teacher] of [
        [hidden, scores(2)],
        [scores(2), hidden],
      ] as const) {
        const { loss, gradient } = await measure(attention, { student, teacher, ...values, mask: seen });
        expect(Number.isFinite(loss) && gradient.every(Number.isFinite)).toBe(true);
      }
    }
  });

  it("refuses heads that can't share the features", async () => {
    await expect(measure(builtBy(miniLmV2), { student: tokens(1), teacher: tokens(2) })).rejects.toThrow(
      'The 4 features of "student" can\'t be shared out among 48 relation heads',
    );
  });
});
