import { describe, expect, it } from "vitest";
import type { Graph, Value } from "../graph/graph.ts";
import { crossEntropyLoss } from "../losses/cross-entropy.ts";
import { kdLoss } from "../losses/kd.ts";
import type { LossParts } from "../losses/loss.ts";
import { goldenTensors, type LossOf, measure } from "../losses/losses.fixture.ts";
import { mlp } from "../nn/zoo/mlp.ts";
import type { LossContext } from "../train/step.ts";
import { type Networks, needsTeacher, type Objective, objectiveOf, outputsOf } from "./objective.ts";
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

const networks: Networks = { student: mlpOf(8), teachers: [mlpOf(16)], classes: 5, samples: 4 };

function mlpOf(hidden: number): Graph {
  return mlp({ inputShape: [6], hidden: [hidden], classes: 5, seed: 0 });
}

/** The weighted sum of an objective, as the training step has it, at the start of epoch `epoch` of 20. */
function weightedSum({ terms, schedules }: Objective, epoch = 0): LossOf {
  return (parts, { student: logits, teacher, labels }) => {
    const { g } = parts;
    const scalar = (name: string): Value => g.scalar(schedules[name]?.({ step: epoch * 10, totalSteps: 200, epoch }) as number);
    const context = {
      labels,
      logits,
      indices: () => labels,
      tokenLabels: () => labels,
      student: () => logits,
      teacher: () => teacher,
    } as Omit<LossContext, keyof LossParts>;
    const built = terms.map(({ name, build }) => build({ ...parts, ...context, scalar: (own) => scalar(`${own}:${name}`) }));
    return g.sum(...built.map((value, index) => g.mul(value, scalar(`weight:${terms[index]?.name}`))));
  };
}

const hardLoss = async (smoothing = 0) =>
  measure(({ g }, { student, labels }) => crossEntropyLoss(g, student as Value, labels as Value, smoothing), goldenTensors);
const softLoss = async (temperature: number) =>
  measure(({ g }, { student, teacher }) => kdLoss(g, student as Value, teacher as Value, temperature), goldenTensors);
const measureSum = (losses: RecipeInput["losses"], epoch = 0) =>
  measure(weightedSum(objectiveOf(lossesOf(losses), networks), epoch), goldenTensors);

describe("an objective", () => {
  it("weighs hinton's two parts by 1 − alpha and alpha", async () => {
    const found = await measureSum([{ hinton: { alpha: 0.3, temperature: 4 } }]);
    const [hard, soft] = [await hardLoss(), await softLoss(4)];
    expect(found.loss).toBeCloseTo(0.7 * hard.loss + 0.3 * soft.loss, 5);
    expect(found.gradient[0]).toBeCloseTo(0.7 * (hard.gradient[0] as number) + 0.3 * (soft.gradient[0] as number), 6);
    const apart = await measureSum([{ crossEntropy: { weight: 0.7 } }, { kd: { weight: 0.3, temperature: 4 } }]);
    expect(apart.loss).toBeCloseTo(found.loss, 6);
  });

  it("follows the schedules of weights and temperatures, and smooths labels", async () => {
    const losses: RecipeInput["losses"] = [
      { crossEntropy: { weight: 0.5, labelSmoothing: 0.1 } },
      { kd: { weight: { linear: { from: 0, to: 2 } }, temperature: { steps: { 0: 10, 5: 4, 15: 1 } } } },
    ];
    const hard = (await hardLoss(0.1)).loss;
    const at = async (epoch: number) => (await measureSum(losses, epoch)).loss;
    expect(await at(0)).toBeCloseTo(0.5 * hard, 5);
    expect(await at(5)).toBeCloseTo(0.5 * hard + 0.5 * (await softLoss(4)).loss, 5);
    expect(await at(15)).toBeCloseTo(0.5 * hard + 1.5 * (await softLoss(1)).loss, 5);
  });

  it("names every term, and keeps two of a kind apart", async () => {
    const losses: RecipeInput["losses"] = [
      { kd: { temperature: 1, weight: 2 } },
      { hinton: { alpha: 0.5, temperature: 4 } },
      { crossEntropy: {} },
    ];
    const objective = objectiveOf(lossesOf(losses), networks);
    expect(objective.terms.map(({ name }) => name)).toEqual(["kd", "crossEntropy", "kd-2", "crossEntropy-2"]);
    expect(Object.keys(objective.schedules).sort()).toEqual([
      "temperature:kd",
      "temperature:kd-2",
      "weight:crossEntropy",
      "weight:crossEntropy-2",
      "weight:kd",
      "weight:kd-2",
    ]);
    const expected = 2 * (await softLoss(1)).loss + 0.5 * (await softLoss(4)).loss + 1.5 * (await hardLoss()).loss;
    expect((await measureSum(losses)).loss).toBeCloseTo(expected, 5);
  });

  it("takes the mean over several teachers", async () => {
    const two = objectiveOf(lossesOf([{ kd: { temperature: 4 } }]), { ...networks, teachers: [mlpOf(16), mlpOf(32)] });
    expect((await measure(weightedSum(two), goldenTensors)).loss).toBeCloseTo((await softLoss(4)).loss, 5);
    expect(outputsOf([two], 1)).toEqual({ logits: [5] });
  });

  it("knows which losses need a teacher", () => {
    expect(lossesOf([{ kd: {} }, { crossEntropy: {} }, { hinton: {} }, { attention: {} }]).map(needsTeacher)).toEqual([
      true,
      false,
      true,
      true,
    ]);
  });
});
