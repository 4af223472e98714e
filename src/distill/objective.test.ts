import { describe, expect, it } from "vitest";
import type { Value } from "../graph/graph.ts";
import { crossEntropyLoss } from "../losses/cross-entropy.ts";
import { kdLoss } from "../losses/kd.ts";
import { golden, goldenInputs, type LossOf, measureGolden, relativeError } from "../losses/losses.fixture.ts";
import { needsTeacher, type Objective, objectiveOf, withoutTeacher } from "./objective.ts";
import { parseRecipe } from "./recipe/parse.ts";
import type { LossRecipe, RecipeInput } from "./recipe/schema.ts";

/** Losses as a recipe has them after its defaults are filled in. */
function lossesOf(losses: RecipeInput["losses"]): readonly LossRecipe[] {
  return parseRecipe({
    data: { idx: "data" },
    teacher: "t.onnx",
    student: { zoo: "mlp" },
    optimizer: { sgd: { learningRate: 1 } },
    epochs: 1,
    losses,
  }).losses;
}

/** The weighted sum of an objective, as the training step has it, at the start of epoch `epoch` of 20. */
function weightedSum({ terms, schedules }: Objective, epoch = 0): LossOf {
  return (g, { student: logits, teacher, labels }) => {
    const scalar = (name: string): Value => g.scalar(schedules[name]?.({ step: epoch * 10, totalSteps: 200, epoch }) as number);
    const context = { g, labels, logits, scalar, student: () => logits, teacher: () => teacher };
    return g.sum(...terms.map((term) => g.mul(term.build(context), scalar(`weight:${term.name}`))));
  };
}

describe("an objective", () => {
  it("weighs hinton's two parts by 1 − alpha and alpha", async () => {
    const found = await measureGolden(weightedSum(objectiveOf(lossesOf([{ hinton: { alpha: 0.3, temperature: 4 } }]), 5)));
    const [hard, soft] = [golden("crossEntropy"), golden("kd, T = 4")];
    expect(found.loss).toBeCloseTo(0.7 * hard.loss + 0.3 * soft.loss, 5);
    expect(found.gradientFirst).toBeCloseTo(0.7 * hard.gradientFirst + 0.3 * soft.gradientFirst, 6);
    const apart = lossesOf([{ crossEntropy: { weight: 0.7 } }, { kd: { weight: 0.3, temperature: 4 } }]);
    expect(relativeError(await measureGolden(weightedSum(objectiveOf(apart, 5))), found)).toBeLessThan(1e-6);
  });

  it("follows the schedules of weights and temperatures, and smooths labels", async () => {
    const objective = objectiveOf(
      lossesOf([
        { crossEntropy: { weight: 0.5, labelSmoothing: 0.1 } },
        { kd: { weight: { linear: { from: 0, to: 2 } }, temperature: { steps: { 0: 10, 5: 4, 15: 1 } } } },
      ]),
      5,
    );
    const hard = golden("crossEntropy, label smoothing 0.1").loss;
    const at = async (epoch: number) => (await measureGolden(weightedSum(objective, epoch))).loss;
    expect(await at(0)).toBeCloseTo(0.5 * hard, 5);
    expect(await at(5)).toBeCloseTo(0.5 * hard + 0.5 * golden("kd, T = 4").loss, 5);
    expect(await at(15)).toBeCloseTo(0.5 * hard + 1.5 * golden("kd, T = 1").loss, 5);
  });

  it("names every term, and keeps two of a kind apart", async () => {
    const objective = objectiveOf(
      lossesOf([{ kd: { temperature: 1, weight: 2 } }, { hinton: { alpha: 0.5, temperature: 4 } }, { crossEntropy: {} }]),
      5,
    );
    expect(objective.terms.map(({ name }) => name)).toEqual(["kd", "crossEntropy", "kd-2", "crossEntropy-2"]);
    expect(Object.keys(objective.schedules).sort()).toEqual([
      "temperature:kd",
      "temperature:kd-2",
      "weight:crossEntropy",
      "weight:crossEntropy-2",
      "weight:kd",
      "weight:kd-2",
    ]);
    const expected: LossOf = (g, { student, teacher, labels }) =>
      g.sum(
        g.mul(kdLoss(g, student, teacher, 1), 2),
        g.mul(kdLoss(g, student, teacher, 4), 0.5),
        g.mul(crossEntropyLoss(g, student, labels), 1.5),
      );
    expect(relativeError(await measureGolden(weightedSum(objective)), await measureGolden(expected, goldenInputs))).toBeLessThan(1e-5);
  });

  it("without the teacher is cross-entropy alone, smoothed as before", () => {
    const losses = lossesOf([{ kd: {} }, { crossEntropy: { weight: 0.1, labelSmoothing: 0.2 } }]);
    expect(losses.map(needsTeacher)).toEqual([true, false]);
    expect(withoutTeacher(losses)).toEqual([{ crossEntropy: { weight: 1, labelSmoothing: 0.2 } }]);
    expect(withoutTeacher(lossesOf([{ hinton: {} }]))).toEqual([{ crossEntropy: { weight: 1, labelSmoothing: 0 } }]);
    expect(lossesOf([{ hinton: {} }]).map(needsTeacher)).toEqual([true]);
  });
});
