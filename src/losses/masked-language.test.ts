import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gradientMismatches } from "../autodiff/finite-differences.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { int32, type Tensor, zeros } from "../graph/tensor.ts";
import { nodeRuntime } from "../runtime/node.ts";
import { builtBy, expectWorkedOut, normalRows } from "./features.fixture.ts";
import { goldenTensors, measure, rows } from "./losses.fixture.ts";
import { maskedLanguage, maskedLanguageLoss, wordKd, wordKdLoss } from "./masked-language.ts";

const labelled = (...words: readonly (readonly number[])[]): Tensor => int32(words.flat(), [words.length, words[0]?.length ?? 0]);
const scores = (seed: number) => ({ ...normalRows(seed, [6, 5]), shape: [2, 3, 5] });
const pairNames = [["hs", "ht"]] as const;

describe("losses on masked words", () => {
  it("have the values and gradients of PyTorch", async () => {
    const tensors = { ...goldenTensors, tokenLabels: labelled([-1, 2, -1, -1], [5, -1, -1, 0]) };
    const expectBuilt = (name: string, definition: typeof maskedLanguage | typeof wordKd, given = {}) =>
      expectWorkedOut(name, builtBy(definition, given, { pairNames }), "hs", tensors);
    await expectBuilt("MLM (hs), labels", maskedLanguage);
    await expectBuilt("word KD T=2 (hs,ht), masked", wordKd);
    await expectBuilt("word KD T=2 (hs,ht), of masked words", wordKd, { tokens: "masked" });
  });

  it("have gradients that agree with central differences", async () => {
    const inputs = [{ shape: [2, 3, 5] }, { shape: [2, 3, 5] }];
    const labels = labelled([-1, 4, 0], [2, -1, -1]);
    const words = (g: GraphBuilder, student?: Value) => maskedLanguageLoss(g, student as Value, g.constant(labels));
    const soft = (g: GraphBuilder, student?: Value, teacher?: Value) =>
      wordKdLoss(
        g,
        student as Value,
        teacher as Value,
        2,
        g.constant(
          rows([
            [1, 1, 0],
            [1, 0, 0],
          ]),
        ),
      );
    for (const [name, build, count] of [
      ["words", words, 1],
      ["soft", soft, 2],
    ] as const)
      expect(await gradientMismatches(nodeRuntime({ threads: 1 }), { name, inputs: inputs.slice(0, count), build })).toEqual([]);
  });

  it("see neither padding nor words that aren't masked, and take labels below 0 of any kind", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.constantFrom(-1, -100), async (seed, none) => {
        const [student, teacher] = [scores(seed), scores(seed + 1)];
        const tokenLabels = labelled([none, 4, none], [2, none, none]);
        const mask = rows([
          [0, 1, 0],
          [1, 0, 0],
        ]);
        const isSeen = (index: number) => [1, 3].includes(Math.floor(index / 5));
        const other = { ...student, data: student.data.map((x, index) => (isSeen(index) ? x : 40)) };
        for (const lossOf of [builtBy(maskedLanguage), builtBy(wordKd), builtBy(wordKd, { tokens: "masked" })]) {
          const seen = await measure(lossOf, { student, teacher, tokenLabels, mask });
          expect((await measure(lossOf, { student: other, teacher, tokenLabels, mask })).loss).toBe(seen.loss);
          expect(seen.gradient.every((slope, index) => isSeen(index) || slope === 0)).toBe(true);
          expect(seen.loss).toBeGreaterThan(0);
        }
      }),
      { numRuns: 5 },
    );
  });

  it("are 0 where no word is masked, and finite for scores of zeros", async () => {
    const none = labelled([-1, -1, -1], [-1, -1, -1]);
    const [student, teacher] = [scores(1), scores(2)];
    expect((await measure(builtBy(maskedLanguage), { student, teacher, tokenLabels: none })).loss).toBe(0);
    expect((await measure(builtBy(wordKd, { tokens: "masked" }), { student, teacher, tokenLabels: none })).loss).toBe(0);
    const flat = await measure(builtBy(maskedLanguage), {
      student: zeros("float32", [2, 3, 5]),
      teacher,
      tokenLabels: labelled([1, 1, 1], [0, 0, 0]),
    });
    expect(flat.loss).toBeCloseTo(Math.log(5), 6);
    expect(flat.gradient.every(Number.isFinite)).toBe(true);
  });

  it("refuse what is no scores of words", async () => {
    const vectors = { student: normalRows(1, [2, 3]), teacher: normalRows(2, [2, 3]), tokenLabels: labelled([1], [1]) };
    for (const definition of [maskedLanguage, wordKd])
      await expect(measure(builtBy(definition), vectors)).rejects.toThrow("is taken of scores [batch, tokens, vocabulary]");
  });
});
