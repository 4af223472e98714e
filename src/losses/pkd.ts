import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { firstToken } from "../nn/text.ts";
import { featureLoss, overPairs } from "./loss.ts";
import { requireTokens, unitVectors } from "./vectors.ts";

/**
 * Patient knowledge distillation: Sun, Cheng, Gan and Liu, 2019 (arXiv:1908.09355).
 *
 *     mean over the batch of ‖s/‖s‖ − t/‖t‖‖²
 *
 * of the first token, [CLS].
 *
 * @param student [B, T, D] @param teacher [B, T, D] @returns A scalar.
 */
export function pkdLoss(g: GraphBuilder, student: Value, teacher: Value): Value {
  requireTokens("Patient KD", student, teacher);
  const [s, t] = [student, teacher].map((x) => unitVectors(g, firstToken(g, x))) as [Value, Value];
  return g.reduceMean(g.reduceSumSquare(g.sub(s, t), { axes: [1] }));
}

export const pkd = featureLoss({
  name: "pkd",
  summary: "The first token of blocks, normalised (patient KD)",
  paper: "Sun, Cheng, Gan and Liu, 2019, arXiv:1908.09355",
  weight: 100,
  numbers: {},
  options: {},
  pairs: "blocks",
  fit: { form: "tokens", channels: "same", space: "same" },
  build: overPairs(({ g }, { student, teacher }) => pkdLoss(g, student, teacher)),
});
