import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { featureLoss, overPairs } from "./loss.ts";
import { cosines } from "./vectors.ts";

/**
 * Mean over the batch of 1 − cos of the angle between student's and teacher's vectors.
 *
 * @param student [B, D] @param teacher [B, D] @returns A scalar from 0 to 2.
 */
export function cosineLoss(g: GraphBuilder, student: Value, teacher: Value): Value {
  return g.reduceMean(g.sub(1, cosines(g, student, teacher)));
}

export const cosine = featureLoss({
  name: "cosine",
  summary: "Where vectors point, whatever their lengths",
  paper: "Reimers and Gurevych, 2020, arXiv:2004.09813 (embeddings distilled; with a squared difference there)",
  weight: 1,
  numbers: {},
  options: {},
  pairs: "pooled",
  fit: { form: "vectors", channels: "same", space: "any" },
  build: overPairs(({ g }, { student, teacher }) => cosineLoss(g, student, teacher)),
});
