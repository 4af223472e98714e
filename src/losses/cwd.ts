import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { positive, schedule } from "../options.ts";
import { featureLoss, overPairs } from "./loss.ts";
import { places, requireSameShape } from "./maps.ts";

/**
 * Channel-wise distillation: Shu et al., 2021 (arXiv:2011.13256). Each channel, as a distribution over its places, is to be the teacher's:
 *
 *     T²·mean over batch and channels of KL(softmax(t/T) ‖ softmax(s/T)), softmax over places
 *
 * @param student [B, C, H, W] @param teacher The same. @param temperature A scalar, positive.
 * @returns A scalar, in nats times T².
 * @throws LimbeckError when the shapes differ.
 */
export function cwdLoss(g: GraphBuilder, student: Value, teacher: Value, temperature: number | Value): Value {
  requireSameShape("Channel-wise distillation", student, teacher);
  const [logQ, logP] = [student, teacher].map((map) => g.logSoftmax(g.div(places(g, map), temperature))) as [Value, Value];
  const divergence = g.reduceSum(g.mul(g.exp(logP), g.sub(logP, logQ)), { axes: [2] });
  return g.mul(g.mul(g.reduceMean(divergence), temperature), temperature);
}

/** The weight is the published one for feature maps. */
export const cwd = featureLoss({
  name: "cwd",
  summary: "Where each channel is strong: softmax over places by temperature (channel-wise distillation)",
  paper: "Shu et al., 2021, arXiv:2011.13256",
  weight: 50,
  numbers: { temperature: schedule(positive).default(4) },
  options: {},
  pairs: "last",
  fit: { form: "maps", channels: "same", space: "same" },
  build: overPairs(({ g, numbers }, { student, teacher }) => cwdLoss(g, student, teacher, numbers.temperature)),
});
