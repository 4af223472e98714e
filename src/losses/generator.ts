import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { requireLogits } from "./logits.ts";

/*
 * What data-free distillation asks of made-up images, so that they are like those a teacher was trained on: terms of the generator's
 * objective, each as its first code has it. DAFL: Chen et al., 2019 (arXiv:1904.01186). DeepInversion: Yin et al., 2020 (arXiv:1912.08795).
 * CMI: Fang et al., 2021 (arXiv:2105.08584).
 */

/**
 * The teacher shall be sure: cross-entropy with the class that it finds likeliest, −mean over the batch of max over c of log p_c (DAFL).
 *
 * @param logits [B, C], the teacher's. @returns A scalar, in nats.
 */
export function oneHotLoss(g: GraphBuilder, logits: Value): Value {
  requireLogits("The one-hot loss", logits);
  return g.neg(g.reduceMean(g.reduceMax(g.logSoftmax(logits), { axes: [1] })));
}

/**
 * All classes shall come up: Σ_c p̄_c·log p̄_c, p̄ the mean of p = softmax(logits) over the batch. −log C at best.
 *
 * @param logits [B, C], the teacher's. @param unit Nats (CMI), or decimal digits, 1/ln 10 as large (DAFL). @returns A scalar.
 */
export function balanceLoss(g: GraphBuilder, logits: Value, unit: "nats" | "digits" = "nats"): Value {
  requireLogits("The balance loss", logits);
  const logP = g.sub(g.reduceLogSumExp(g.logSoftmax(logits), { axes: [0] }), Math.log(Number(logits.shape[0])));
  const negentropy = g.reduceSum(g.mul(g.exp(logP), logP));
  return unit === "nats" ? negentropy : g.mul(negentropy, 1 / Math.LN10);
}

/**
 * How near the student is to the teacher: mean over the batch of (KL(m ‖ p) + KL(m ‖ q))/2, p and q = softmax(logits/T), m = (p + q)/2, all
 * of them clamped to [0.01, 0.99] (DeepInversion, CMI). What the generator maximises is 1 less this.
 *
 * With the means' divergence from p and q, not the other way round, it isn't the Jensen-Shannon divergence; the name is the authors'.
 *
 * @param student [B, C] logits @param teacher [B, C] logits @param temperature T: a scalar value or number, positive. @returns A scalar.
 */
export function jensenShannonLoss(g: GraphBuilder, student: Value, teacher: Value, temperature: number | Value = 3): Value {
  for (const logits of [student, teacher]) requireLogits("The Jensen-Shannon loss", logits);
  const [p, q] = [student, teacher].map((logits) => g.softmax(g.div(logits, temperature))) as [Value, Value];
  const clamped = (x: Value) => g.clip(x, 0.01, 0.99);
  const m = clamped(g.mul(g.add(p, q), 0.5));
  const logs = g.mul(g.add(g.log(clamped(p)), g.log(clamped(q))), 0.5);
  return g.reduceMean(g.reduceSum(g.mul(m, g.sub(g.log(m), logs)), { axes: [1] }));
}

/**
 * Images shall be smooth: the sum over four directions, right, down and both diagonals, of the mean of |difference of neighbours| (the L1
 * form of DeepInversion's total variation).
 *
 * @param images [B, C, H, W] @returns A scalar.
 */
export function totalVariationLoss(g: GraphBuilder, images: Value): Value {
  const [height, width] = images.shape.slice(2).map(Number) as [number, number];
  const part = (top: number, left: number, rows: number, columns: number) =>
    g.slice(images, [
      { axis: 2, start: top, end: top + rows },
      { axis: 3, start: left, end: left + columns },
    ]);
  const variation = (down: number, right: number) => {
    const [rows, columns] = [height - down, width - Math.abs(right)];
    // An image of one row has nothing above another.
    if (rows === 0 || columns === 0) return g.scalar(0, images.type);
    const difference = g.sub(part(0, Math.max(0, -right), rows, columns), part(down, Math.max(0, right), rows, columns));
    return g.reduceMean(g.abs(difference));
  };
  return g.sum(variation(0, 1), variation(1, 0), variation(1, -1), variation(1, 1));
}

/**
 * A layer shall see the statistics that it saw in training: ‖μ − μ̂‖₂ + ‖σ² − σ̂²‖₂ over channels, with the batch's biased variance
 * (DeepInversion's feature term, of one batch normalisation).
 *
 * @param x [B, C, ...], what enters the layer. @param mean μ̂ [C], the running mean. @param variance σ̂² [C], the running variance.
 * @returns A scalar.
 */
export function statisticsLoss(g: GraphBuilder, x: Value, mean: Value, variance: Value): Value {
  const axes = [...x.shape.keys()].filter((axis) => axis !== 1);
  const batchMean = g.reduceMean(x, { axes, keepDims: true });
  const centred = g.sub(x, batchMean);
  const flat = (statistic: Value) => g.reshape(statistic, mean.shape);
  const batchVariance = flat(g.reduceMean(g.mul(centred, centred), { axes, keepDims: true }));
  // Inside of the root, so that equal statistics have a gradient.
  const distance = (a: Value, b: Value) => g.sqrt(g.add(g.reduceSumSquare(g.sub(a, b)), 1e-24));
  return g.add(distance(flat(batchMean), mean), distance(batchVariance, variance));
}
