import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { featureLoss, overPairs } from "./loss.ts";
import { products, requireVectors, unitVectors } from "./vectors.ts";

const EPSILON = 1e-7;

/**
 * Probabilistic knowledge transfer: Passalis and Tefas, 2018 (arXiv:1803.10837), as in the authors' repository and RepDistiller.
 *
 *     mean over all i, j of t_ij·log((t_ij + ε)/(s_ij + ε)), ε = 1e-7
 *
 * s_i and t_i are the probabilities that sample i gives to the samples of the batch, itself too: (cos + 1)/2 of the angles between their
 * vectors, over its sum. The mean is over all B² pairs where a divergence would be summed over j, hence the large weight.
 *
 * @param student [B, D] @param teacher [B, D'] @returns A scalar.
 * @throws LimbeckError for a batch of one.
 */
export function pktLoss(g: GraphBuilder, student: Value, teacher: Value): Value {
  requireVectors("PKT", student, teacher);
  const [p, q] = [teacher, student].map((x) => neighbours(g, x)) as [Value, Value];
  return g.reduceMean(g.mul(p, g.log(g.div(g.add(p, EPSILON), g.add(q, EPSILON)))));
}

function neighbours(g: GraphBuilder, x: Value): Value {
  const units = unitVectors(g, x);
  // The half of (cos + 1)/2 falls out with the sum.
  const affinity = g.add(products(g, units, units), 1);
  return g.div(affinity, g.reduceSum(affinity, { axes: [1], keepDims: true }));
}

export const pkt = featureLoss({
  name: "pkt",
  summary: "Which samples are each other's neighbours, as probabilities (probabilistic knowledge transfer)",
  paper: "Passalis and Tefas, 2018, arXiv:1803.10837",
  weight: 30_000,
  numbers: {},
  options: {},
  pairs: "pooled",
  fit: { form: "vectors", channels: "any", space: "any" },
  build: overPairs(({ g }, { student, teacher }) => pktLoss(g, student, teacher)),
});
