import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { featureLoss, overPairs } from "./loss.ts";
import { meanOverTokens } from "./tokens.ts";
import { cosines, requireTokens } from "./vectors.ts";

/**
 * Mean over tokens and features of (s − t)², as in TinyBERT (Jiao et al., 2019, arXiv:1909.10351), but not over padding, as in TextBrewer.
 *
 * @param student [B, T, D] @param teacher [B, T, D] @param mask [B, T], 1 for tokens and 0 for padding; all ones unless given.
 * @returns A scalar.
 */
export function hiddenMseLoss(g: GraphBuilder, student: Value, teacher: Value, mask?: Value): Value {
  requireTokens("Hidden MSE", student, teacher);
  const difference = g.sub(student, teacher);
  return meanOverTokens(g, g.reduceMean(g.mul(difference, difference), { axes: [2] }), mask);
}

/**
 * Mean over tokens of 1 − cos of the angle between student's and teacher's, as in DistilBERT (Sanh et al., 2019, arXiv:1910.01108).
 *
 * @param student [B, T, D] @param teacher [B, T, D] @param mask [B, T], 1 for tokens and 0 for padding; all ones unless given.
 * @returns A scalar.
 */
export function hiddenCosineLoss(g: GraphBuilder, student: Value, teacher: Value, mask?: Value): Value {
  requireTokens("Hidden cosine", student, teacher);
  return meanOverTokens(g, g.sub(1, cosines(g, student, teacher)), mask);
}

const tokens = { form: "tokens", channels: "same", space: "same" } as const;

export const hiddenMse = featureLoss({
  name: "hiddenMse",
  summary: "Squared difference of the tokens that blocks hand on, without padding (TinyBERT)",
  paper: "Jiao et al., 2019, arXiv:1909.10351",
  weight: 1,
  numbers: {},
  options: {},
  pairs: "blocks",
  fit: tokens,
  build: overPairs(({ g, mask }, { student, teacher }) => hiddenMseLoss(g, student, teacher, mask)),
});

export const hiddenCosine = featureLoss({
  name: "hiddenCosine",
  summary: "Where the last tokens point, without padding (DistilBERT)",
  paper: "Sanh et al., 2019, arXiv:1910.01108",
  weight: 1,
  numbers: {},
  options: {},
  pairs: "last",
  fit: tokens,
  build: overPairs(({ g, mask }, { student, teacher }) => hiddenCosineLoss(g, student, teacher, mask)),
});
