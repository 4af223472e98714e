import { z } from "zod";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { requireLogits, targets } from "./logits.ts";
import { logitLoss } from "./loss.ts";

/**
 * Cross-entropy with hard labels: −Σ over classes of q·log p, p = softmax(logits), of each sample.
 *
 * Label smoothing (Szegedy et al., 2015, arXiv:1512.00567): q = (1 − ε)·one-hot + ε/C, over all C classes (as in PyTorch).
 *
 * @param logits [B, C] @param labels [B], integers @param smoothing ε in [0, 1): a number, or a scalar value.
 * @returns [B], in nats.
 */
export function crossEntropyPerSample(g: GraphBuilder, logits: Value, labels: Value, smoothing: number | Value = 0): Value {
  requireLogits("Cross-entropy", logits);
  const logP = g.logSoftmax(logits);
  const hard = g.neg(g.reduceSum(g.mul(targets(g, labels, logits), logP), { axes: [1] }));
  if (smoothing === 0) return hard;
  const uniform = g.neg(g.reduceMean(logP, { axes: [1] }));
  return g.add(g.mul(hard, g.sub(1, smoothing)), g.mul(uniform, smoothing));
}

/** The mean of `crossEntropyPerSample` over the batch. @returns A scalar. */
export function crossEntropyLoss(g: GraphBuilder, logits: Value, labels: Value, smoothing: number | Value = 0): Value {
  return g.reduceMean(crossEntropyPerSample(g, logits, labels, smoothing));
}

export const crossEntropy = logitLoss({
  name: "crossEntropy",
  summary: "The labels, smoothed or not: what a network without a teacher learns from",
  paper: "label smoothing: Szegedy et al., 2015, arXiv:1512.00567",
  weight: 1,
  needsTeacher: false,
  numbers: {},
  options: { labelSmoothing: z.number().min(0).lt(1).default(0) },
  build: ({ g, student, labels, options }) => crossEntropyPerSample(g, student, labels, options.labelSmoothing),
});
