import { z } from "zod";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { nonNegative, schedule } from "../options.ts";
import { featureLoss, overPairs } from "./loss.ts";
import { identityMatrix, products, requireVectors, unitVectors } from "./vectors.ts";

/** Which triplets (anchor, positive, negative) of a batch count: all of them, or one for each anchor and positive. */
export type Mining = "semiHard" | "all";

export interface TripletOptions {
  /** What a negative shall be farther away than a positive; 0.2 unless given. Not looked at where it is soft. */
  readonly margin?: number | Value;
  /** log(1 + e^excess) in the place of max(0, excess + margin): Hermans, Beyer and Leibe, 2017 (arXiv:1703.07737). */
  readonly soft?: boolean;
  readonly mining?: Mining;
}

/**
 * Triplet loss: Schroff, Kalenichenko and Philbin, 2015 (FaceNet, arXiv:1503.03832).
 *
 *     mean over triplets of max(0, d_ap − d_an + margin)
 *
 * d: squared distances of vectors made one long, from 0 to 4; a and p of one class, n of another. Semi-hard mining takes for each a and p
 * the nearest n that is farther from a than p is; where there is none, the farthest n. The mean is over all triplets that were taken, and 0
 * where a batch has none. It goes over B³ numbers, as RKD's angles do.
 *
 * @param embeddings [B, D] @param labels [B], integers @returns A scalar.
 * @throws LimbeckError for a batch of one.
 */
export function tripletLoss(g: GraphBuilder, embeddings: Value, labels: Value, options: TripletOptions = {}): Value {
  requireVectors("The triplet loss", embeddings);
  const { margin = 0.2, soft = false, mining = "semiHard" } = options;
  const units = unitVectors(g, embeddings);
  const distances = g.relu(g.sub(2, g.mul(products(g, units, units), 2)));
  const same = g.equal(g.unsqueeze(labels, [1]), g.unsqueeze(labels, [0]));
  const number = (condition: Value) => g.cast(condition, distances.type);
  const positives = g.mul(number(same), g.sub(1, identityMatrix(g, Number(embeddings.shape[0]), distances.type)));
  const penalty = (excess: Value) => (soft ? g.softplus(excess) : g.relu(g.add(excess, margin)));
  const mean = (losses: Value, weights: Value) => g.div(g.reduceSum(g.mul(losses, weights)), g.max(g.reduceSum(weights), 1));

  const toPositive = g.unsqueeze(distances, [2]);
  const toNegative = g.unsqueeze(distances, [1]);
  const isNegative = g.not(same);
  if (mining === "all") {
    const weights = g.mul(g.unsqueeze(positives, [2]), g.unsqueeze(number(isNegative), [1]));
    return mean(penalty(g.sub(toPositive, toNegative)), weights);
  }
  const isFarther = g.and(g.unsqueeze(isNegative, [1]), g.greater(toNegative, toPositive));
  const nearest = g.reduceMin(g.where(isFarther, toNegative, BEYOND), { axes: [2] });
  const farthest = g.reduceMax(g.where(isNegative, distances, -1), { axes: [1], keepDims: true });
  const toMined = g.where(g.less(nearest, BEYOND), nearest, farthest);
  return mean(penalty(g.sub(distances, toMined)), g.mul(positives, number(g.greaterOrEqual(farthest, 0))));
}

/** More than any distance. */
const BEYOND = 10;

export const triplet = featureLoss({
  name: "triplet",
  summary: "Brings samples of a class nearer to each other than to others, without a teacher (triplet loss)",
  paper: "Schroff, Kalenichenko and Philbin, 2015, arXiv:1503.03832",
  weight: 1,
  numbers: { margin: schedule(nonNegative).default(0.2) },
  options: { mining: z.enum(["semiHard", "all"]).default("semiHard"), soft: z.boolean().default(false) },
  pairs: "pooled",
  needsTeacher: false,
  fit: { form: "vectors", channels: "any", space: "any" },
  build: overPairs(({ g, labels, numbers, options }, { student }) =>
    tripletLoss(g, student, labels(), { margin: numbers.margin, ...options }),
  ),
});
