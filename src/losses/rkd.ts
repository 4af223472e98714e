import { z } from "zod";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { type FeatureScene, featureLoss, overPairs } from "./loss.ts";
import { inverseRoot, requireVectors, squaredDistances, unitVectors } from "./vectors.ts";

/*
 * Relational knowledge distillation: Park, Kim, Lu and Cho, 2019 (arXiv:1904.05068), as in the authors' repository. Samples shall lie to
 * each other as the teacher has them, wherever that is, and of whatever width: neither loss changes when vectors are turned, moved or
 * scaled together. h is the Huber function: h(a) = a²/2 up to |a| = 1, and |a| − 1/2 beyond.
 */

/**
 * Mean over all pairs (i, j) of the batch, i = j too, of h(d_s − d_t): d_ij = ‖x_i − x_j‖₂ over the mean distance of two samples.
 *
 * @param student [B, D] @param teacher [B, D'] @returns A scalar.
 * @throws LimbeckError for a batch of one.
 */
export function rkdDistanceLoss(g: GraphBuilder, student: Value, teacher: Value): Value {
  requireVectors("RKD", student, teacher);
  return meanHuber(g, g.sub(relativeDistances(g, student), relativeDistances(g, teacher)));
}

/**
 * Mean over all triplets (i, j, k) of the batch of h(cos_s − cos_t): the cosine of the angle at i between j and k, 0 where two are one.
 *
 * Its time and memory grow with B³: each of some dozens of passes goes over 8 MB for a batch of 128. What D adds is B²·D products, where
 * the authors' way takes B³·D.
 *
 * @param student [B, D] @param teacher [B, D'] @returns A scalar.
 * @throws LimbeckError for a batch of one.
 */
export function rkdAngleLoss(g: GraphBuilder, student: Value, teacher: Value): Value {
  requireVectors("RKD", student, teacher);
  return meanHuber(g, g.sub(angleCosines(g, student), angleCosines(g, teacher)));
}

function relativeDistances(g: GraphBuilder, x: Value): Value {
  const count = Number(x.shape[0]);
  const { squared, others } = squaredDistances(g, x);
  // Clamped before the root, so that the distance of equal vectors has a gradient.
  const distances = g.mul(g.sqrt(g.max(squared, 1e-12)), others);
  return g.div(distances, g.mul(g.reduceSum(distances), 1 / (count * (count - 1))));
}

/** Squared distances below this part of what they are computed from are rounding errors. */
const ROUNDING = 1e-6;

/** [B, B, B] by the law of cosines: cos_ijk = (d²_ij + d²_ik − d²_jk)/(2·d_ij·d_ik). */
function angleCosines(g: GraphBuilder, x: Value): Value {
  const { squared, scale } = squaredDistances(g, x);
  const inverse = inverseRoot(g, squared, g.mul(scale, ROUNDING));
  const without = (axis: number, distances: Value) => g.unsqueeze(distances, [axis]);
  const sides = g.sub(g.add(without(2, squared), without(1, squared)), without(0, squared));
  return g.mul(g.mul(sides, without(2, inverse)), without(1, g.mul(inverse, 0.5)));
}

function meanHuber(g: GraphBuilder, difference: Value): Value {
  const clipped = g.clip(difference, -1, 1);
  return g.reduceMean(g.mul(clipped, g.sub(difference, g.mul(clipped, 0.5))));
}

const described = {
  paper: "Park, Kim, Lu and Cho, 2019, arXiv:1904.05068",
  numbers: {},
  /** Makes vectors one long first, as MMRazor does. */
  options: { normalize: z.boolean().default(false) },
  pairs: "pooled",
  fit: { form: "vectors", channels: "any", space: "any" },
} as const;

/** A loss of two values as that of a pair, whose vectors may be made one long first. */
const ofPairs = (loss: (g: GraphBuilder, student: Value, teacher: Value) => Value) =>
  overPairs(({ g, options }: FeatureScene<object, typeof described.options>, { student, teacher }) => {
    const seen = (x: Value) => (options.normalize ? unitVectors(g, x) : x);
    return loss(g, seen(student), seen(teacher));
  });

export const rkdDistance = featureLoss({
  ...described,
  name: "rkdDistance",
  summary: "How far samples are from each other, over their mean distance (relational KD)",
  weight: 25,
  build: ofPairs(rkdDistanceLoss),
});

export const rkdAngle = featureLoss({
  ...described,
  name: "rkdAngle",
  summary: "The angles that any three samples make (relational KD)",
  weight: 50,
  build: ofPairs(rkdAngleLoss),
});
