import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { positive, schedule } from "../options.ts";
import { requireLogits } from "./logits.ts";
import { logitLoss } from "./loss.ts";

/**
 * Knowledge distillation: Hinton, Vinyals and Dean, 2015 (arXiv:1503.02531).
 *
 *     T²·mean over the batch of KL(softmax(teacher/T) ‖ softmax(student/T))
 *
 * T² keeps the gradient's size when the temperature changes (section 2 of the paper). The divergence is summed over classes and
 * averaged over the batch ("batchmean"), as in RepDistiller.
 *
 * @param student [B, C] logits @param teacher [B, C] logits @param temperature A scalar value or number, positive.
 * @returns A scalar, in nats times T².
 */
export function kdLoss(g: GraphBuilder, student: Value, teacher: Value, temperature: number | Value): Value {
  for (const logits of [student, teacher]) requireLogits("Distillation by temperature", logits);
  const logP = g.logSoftmax(g.div(teacher, temperature));
  const logQ = g.logSoftmax(g.div(student, temperature));
  const divergence = g.reduceSum(g.mul(g.exp(logP), g.sub(logP, logQ)), { axes: [1] });
  return g.mul(g.reduceMean(divergence), g.mul(temperature, temperature));
}

export const kd = logitLoss({
  name: "kd",
  summary: "Soft targets at a temperature: T²·KL(teacher ‖ student)",
  paper: "Hinton, Vinyals and Dean, 2015, arXiv:1503.02531",
  weight: 1,
  numbers: { temperature: schedule(positive).default(4) },
  options: {},
  build: ({ g, student, teacher, numbers }) => kdLoss(g, student, teacher, numbers.temperature),
});
