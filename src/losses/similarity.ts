import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { featureLoss, overPairs } from "./loss.ts";
import { meanSquaredDifference, unit } from "./maps.ts";
import { withoutPadding } from "./tokens.ts";

/**
 * Similarity-preserving distillation: Tung and Mori, 2019 (arXiv:1907.09682). Samples that are alike to the teacher shall be alike to the
 * student:
 *
 *     ‖Ĝ_s − Ĝ_t‖²/B², G = F·Fᵀ of the samples' flattened features, Ĝ its rows divided by their ‖·‖₂
 *
 * A batch of one has nothing to compare: its loss is 0.
 *
 * @param student [B, ...] @param teacher [B, ...], of any other shape.
 * @returns A scalar.
 */
export function similarityLoss(g: GraphBuilder, student: Value, teacher: Value): Value {
  const [a, b] = [student, teacher].map((features) => {
    const flat = g.reshape(features, [Number(features.shape[0]), -1]);
    return unit(g, g.matMul(flat, flat, { transposeB: true }), 1);
  }) as [Value, Value];
  return meanSquaredDifference(g, a, b);
}

export const similarity = featureLoss({
  name: "similarity",
  summary: "Which samples of a batch are alike (similarity-preserving distillation)",
  paper: "Tung and Mori, 2019, arXiv:1907.09682",
  weight: 3000,
  numbers: {},
  options: {},
  pairs: "last",
  fit: { form: "any", channels: "any", space: "any" },
  build: overPairs(({ g, mask }, { student, teacher }) => {
    const seen = (x: Value) => (mask ? withoutPadding(g, x, mask) : x);
    return similarityLoss(g, seen(student), seen(teacher));
  }),
});
