import { z } from "zod";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { divergence, logProbabilities, requireLogits, type Temperature, timesSquare } from "./logits.ts";
import { logitLoss } from "./loss.ts";
import { logitsOf } from "./standardize.ts";
import { temperatureOption } from "./temperature.ts";

/**
 * Knowledge distillation: Hinton, Vinyals and Dean, 2015 (arXiv:1503.02531). Of each sample
 *
 *     T²·KL(softmax(teacher/T) ‖ softmax(student/T))
 *
 * T² keeps the gradient's size when the temperature changes (section 2 of the paper). The divergence is summed over classes; with the mean
 * over the batch that is RepDistiller's "batchmean". At T = 1 it is what peers teach each other in deep mutual learning (Zhang et al., 2017,
 * arXiv:1706.00384).
 *
 * @param student [B, C] logits @param teacher [B, C] logits
 * @returns [B], in nats times T².
 */
export function kdPerSample(g: GraphBuilder, student: Value, teacher: Value, temperature: Temperature): Value {
  requireLogits("Distillation by temperature", student, teacher);
  const logP = logProbabilities(g, teacher, temperature);
  return timesSquare(g, divergence(g, logP, logProbabilities(g, student, temperature)), temperature);
}

/** The mean of `kdPerSample` over the batch. @returns A scalar. */
export function kdLoss(g: GraphBuilder, student: Value, teacher: Value, temperature: Temperature): Value {
  return g.reduceMean(kdPerSample(g, student, teacher, temperature));
}

export const kd = logitLoss({
  name: "kd",
  summary: "The teacher's probabilities, softened by a temperature (knowledge distillation)",
  paper: "Hinton, Vinyals and Dean, 2015, arXiv:1503.02531; standardize: Sun et al., 2024, arXiv:2403.01427",
  weight: 1,
  numbers: { temperature: temperatureOption.default(4) },
  options: { standardize: z.boolean().default(false) },
  build: (scene) => kdPerSample(scene.g, ...logitsOf(scene), scene.numbers.temperature),
});
