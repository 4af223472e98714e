import { z } from "zod";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { requireLogits, targets } from "./logits.ts";
import { logitLoss } from "./loss.ts";
import { knownOf, sharesOf, type Truth } from "./truth.ts";

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

/**
 * Cross-entropy with what is known of each sample: of one that is mixed of two, share·CE(own label) + (1 − share)·CE(partner's label), as in
 * mixup (Zhang et al., 2017, arXiv:1710.09412) and CutMix (Yun et al., 2019, arXiv:1905.04899).
 *
 * @returns [B]; where labels may be unknown a scalar, the mean over those that are known, by their shares: 0 where none is.
 */
export function crossEntropyOfTruth(g: GraphBuilder, logits: Value, truth: Truth, smoothing: number | Value = 0): Value {
  const losses = sharesOf(g, truth).map(({ labels, share }) => {
    const loss = crossEntropyPerSample(g, logits, labels, smoothing);
    return share ? g.mul(loss, share) : loss;
  });
  const perSample = g.sum(...losses);
  const { isPartial } = truth;
  return isPartial ? g.div(g.reduceSum(perSample), g.max(knownOf(g, { ...truth, isPartial }), NONE)) : perSample;
}

/** Less than any share that is not 0. */
const NONE = 1e-12;

export const crossEntropy = logitLoss({
  name: "crossEntropy",
  summary: "The labels, smoothed or not: what a network without a teacher learns from",
  paper: "label smoothing: Szegedy et al., 2015, arXiv:1512.00567",
  weight: 1,
  needsTeacher: false,
  numbers: {},
  options: { labelSmoothing: z.number().min(0).lt(1).default(0) },
  build: ({ g, student, truth, options }) => crossEntropyOfTruth(g, student, truth, options.labelSmoothing),
});
