import { z } from "zod";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { requireLogits } from "./logits.ts";
import { logitLoss } from "./loss.ts";

/**
 * Cross-entropy with hard labels: −mean over the batch of Σ_c q_c·log p_c, p = softmax(logits).
 *
 * Label smoothing (Szegedy et al., 2015, arXiv:1512.00567): q = (1 − ε)·one-hot + ε/C, over all C classes (as in PyTorch).
 *
 * @param logits [B, C] @param labels [B], integers @param smoothing ε in [0, 1): a number, or a scalar value.
 * @returns A scalar, in nats.
 */
export function crossEntropyLoss(g: GraphBuilder, logits: Value, labels: Value, smoothing: number | Value = 0): Value {
  requireLogits("Cross-entropy", logits);
  const logP = g.logSoftmax(logits);
  const picked = g.mul(g.oneHot(labels, Number(logits.shape[1])), logP);
  const hard = g.neg(g.reduceMean(g.reduceSum(picked, { axes: [1] })));
  if (smoothing === 0) return hard;
  const uniform = g.neg(g.reduceMean(logP));
  return g.add(g.mul(hard, g.sub(1, smoothing)), g.mul(uniform, smoothing));
}

export const crossEntropy = logitLoss({
  name: "crossEntropy",
  summary: "Cross-entropy with the labels",
  paper: "label smoothing: Szegedy et al., 2015, arXiv:1512.00567",
  needsTeacher: false,
  weight: 1,
  numbers: {},
  options: { labelSmoothing: z.number().min(0).lt(1).default(0) },
  build: ({ g, student, labels, options }) => crossEntropyLoss(g, student, labels, options.labelSmoothing),
});
