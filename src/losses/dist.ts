import { z } from "zod";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { nonNegative, schedule } from "../options.ts";
import { requireLogits, type Temperature, timesSquare } from "./logits.ts";
import { logitLoss } from "./loss.ts";
import { logitsOf } from "./standardize.ts";
import { temperatureOption } from "./temperature.ts";

export interface DistOptions {
  /** Weight of the relation between a sample's classes. */
  readonly beta: number | Value;
  /** Weight of the relation between a class's samples. */
  readonly gamma: number | Value;
  readonly temperature: Temperature;
}

/**
 * DIST, knowledge distillation from a stronger teacher: Huang, You, Wang, Qian and Xu, 2022 (arXiv:2205.10536).
 *
 *     T²·(β·(1 − mean over samples of ρ(p_t, p_s)) + γ·(1 − mean over classes of ρ(p_t, p_s)))
 *
 * p = softmax(logits/T), ρ = Pearson's correlation: along a row (what a sample's classes are to each other), then along a column (what a
 * class's samples are). It asks the student for the teacher's order and proportions, not for its probabilities. The correlation of anything
 * with a constant row or column is 0; with a batch of one all columns are constant.
 *
 * @param student [B, C] logits @param teacher [B, C] logits
 * @returns A scalar.
 */
export function distLoss(g: GraphBuilder, student: Value, teacher: Value, { beta, gamma, temperature }: DistOptions): Value {
  requireLogits("DIST", student, teacher);
  const [p, q] = [teacher, student].map((logits) => g.softmax(g.div(logits, temperature))) as [Value, Value];
  const ofClasses = g.mul(g.sub(1, correlation(g, p, q, 1)), beta);
  const ofSamples = g.mul(g.sub(1, g.reduceMean(correlation(g, p, q, 0))), gamma);
  return g.reduceMean(timesSquare(g, g.add(ofClasses, ofSamples), temperature));
}

/** Pearson's correlation along an axis of matrices, with the authors' ε: 1e-8 is added to the product of the norms. */
function correlation(g: GraphBuilder, a: Value, b: Value, axis: number): Value {
  const axes = [axis];
  const [x, y] = [a, b].map((value) => g.sub(value, g.reduceMean(value, { axes, keepDims: true }))) as [Value, Value];
  const [normX, normY] = [x, y].map((value) => g.sqrt(g.add(g.reduceSumSquare(value, { axes }), 1e-24))) as [Value, Value];
  return g.div(g.reduceSum(g.mul(x, y), { axes }), g.add(g.mul(normX, normY), 1e-8));
}

export const dist = logitLoss({
  name: "dist",
  summary: "How the probabilities correlate, by sample and by class: for teachers much stronger than the student",
  paper: "Huang et al., 2022, arXiv:2205.10536",
  weight: 2,
  numbers: {
    beta: schedule(nonNegative).default(1),
    gamma: schedule(nonNegative).default(1),
    temperature: temperatureOption.default(1),
  },
  options: { standardize: z.boolean().default(false) },
  build: (scene) => distLoss(scene.g, ...logitsOf(scene), scene.numbers),
});
