import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { positive, schedule } from "../options.ts";
import { featureLoss, overPairs } from "./loss.ts";
import { identityMatrix, products, requireVectors, unitVectors } from "./vectors.ts";

/**
 * Symmetric InfoNCE (van den Oord et al., 2018, arXiv:1807.03748), as CLIP has it (Radford et al., 2021, arXiv:2103.00020): of all vectors
 * of the one network in the batch, that of the same sample shall be the one nearest to the other network's.
 *
 *     −mean over the batch of (log softmax over j of c_ij at i + log softmax over j of c_ji at i)/2, c_ij = cos(s_i, t_j)/τ
 *
 * @param student [B, D] @param teacher [B, D] @param temperature τ: a scalar value or number, positive. @returns A scalar, in nats.
 * @throws LimbeckError for a batch of one.
 */
export function contrastiveLoss(g: GraphBuilder, student: Value, teacher: Value, temperature: number | Value): Value {
  requireVectors("The contrastive loss", student, teacher);
  const count = Number(student.shape[0]);
  const scores = g.div(products(g, unitVectors(g, student), unitVectors(g, teacher)), temperature);
  const both = g.add(g.logSoftmax(scores, 1), g.logSoftmax(scores, 0));
  return g.mul(g.reduceSum(g.mul(both, identityMatrix(g, count, scores.type))), -0.5 / count);
}

export const contrastive = featureLoss({
  name: "contrastive",
  summary: "Finds a sample's teacher among those of the batch, and its student (InfoNCE, as in CLIP)",
  paper: "Radford et al., 2021, arXiv:2103.00020",
  weight: 1,
  numbers: { temperature: schedule(positive).default(0.07) },
  options: {},
  pairs: "pooled",
  fit: { form: "vectors", channels: "same", space: "any" },
  build: overPairs(({ g, numbers }, { student, teacher }) => contrastiveLoss(g, student, teacher, numbers.temperature)),
});
