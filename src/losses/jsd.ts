import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { fraction } from "../options.ts";
import { divergence, logProbabilities, requireLogits, type Temperature, timesSquare } from "./logits.ts";
import { logitLoss } from "./loss.ts";
import { temperatureOption } from "./temperature.ts";

/**
 * Generalised Jensen-Shannon divergence, as in GKD: Agarwal et al., 2023 (arXiv:2306.13649). Of each sample
 *
 *     T²·(β·KL(p ‖ m) + (1 − β)·KL(q ‖ m)), m = β·p + (1 − β)·q
 *
 * p = softmax(teacher/T), q = softmax(student/T). By convention β = 0 is KL(p ‖ q), which is `kd`, and β = 1 is KL(q ‖ p), which makes the
 * student choose among the teacher's modes. That is no limit: the formula itself tends to 0 at both ends (with the gradient of β or 1 − β
 * times that KL), so β = 0.01 is a hundredth of a loss and β = 0 a whole one. TRL, whose values these are, leaves out T².
 *
 * @param student [B, C] logits @param teacher [B, C] logits @param beta From 0 to 1.
 * @returns [B], in nats times T².
 */
export function jsdPerSample(g: GraphBuilder, student: Value, teacher: Value, beta: number, temperature: Temperature): Value {
  requireLogits("Jensen-Shannon divergence", student, teacher);
  const [logP, logQ] = [teacher, student].map((logits) => logProbabilities(g, logits, temperature)) as [Value, Value];
  return timesSquare(g, between(g, logP, logQ, beta), temperature);
}

function between(g: GraphBuilder, logP: Value, logQ: Value, beta: number): Value {
  if (beta === 0) return divergence(g, logP, logQ);
  if (beta === 1) return divergence(g, logQ, logP);
  const logM = logAddExp(g, g.add(logP, Math.log(beta)), g.add(logQ, Math.log(1 - beta)));
  return g.add(g.mul(divergence(g, logP, logM), beta), g.mul(divergence(g, logQ, logM), 1 - beta));
}

/** log(e^a + e^b), finite for all finite a and b. */
function logAddExp(g: GraphBuilder, a: Value, b: Value): Value {
  return g.add(g.max(a, b), g.softplus(g.neg(g.abs(g.sub(a, b)))));
}

export const jsd = logitLoss({
  name: "jsd",
  summary: "Generalised Jensen-Shannon divergence: from KL(teacher ‖ student) at beta 0 to KL(student ‖ teacher) at 1",
  paper: "Agarwal et al., 2023, arXiv:2306.13649",
  weight: 1,
  numbers: { temperature: temperatureOption.default(1) },
  options: { beta: fraction.default(0.5) },
  build: ({ g, student, teacher, numbers, options }) => jsdPerSample(g, student, teacher, options.beta, numbers.temperature),
});
