import { LimbeckError } from "../errors.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { type FeaturePair, featureLoss } from "./loss.ts";
import { averageAlike, meanSquaredDifference, places, requireSameShape } from "./maps.ts";

/**
 * The flow between two layers ("flow of the solution procedure"): Yim et al., 2017 (CVPR).
 *
 *     G = Σ over places of a_i·b_j / (H·W), [B, C, C']
 *
 * @param from [B, C, H, W] @param to [B, C', H', W']; the larger of the two is averaged to the size of the smaller.
 */
export function flowBetween(g: GraphBuilder, from: Value, to: Value): Value {
  const [a, b] = averageAlike(g, from, to).map((map) => places(g, map)) as [Value, Value];
  return g.matMul(a, b, { transposeB: true, alpha: 1 / Number(a.shape[2]) });
}

/**
 * The sum over consecutive pairs of the mean of (G_student − G_teacher)². Student and teacher have as many channels in each pair; their
 * maps may be of different sizes. (The paper trains this in a stage of its own, before the task.)
 *
 * @param pairs Of maps, in the order of the networks.
 * @returns A scalar.
 * @throws LimbeckError when there is only one pair, or channels differ.
 */
export function fspLoss(g: GraphBuilder, pairs: readonly FeaturePair[]): Value {
  if (pairs.length < 2) {
    throw new LimbeckError(`The FSP loss needs pairs of layers, for flows from one to the next, but was given ${pairs.length}.`, {
      hint: "Give it two or more, such as every stage.",
    });
  }
  for (const { student, teacher } of pairs) requireSameShape("The FSP loss", student, teacher, [0, 1]);
  const losses = pairs.slice(1).map((to, index) => {
    const from = pairs[index] as FeaturePair;
    const [student, teacher] = [flowBetween(g, from.student, to.student), flowBetween(g, from.teacher, to.teacher)];
    return meanSquaredDifference(g, student, teacher);
  });
  return g.sum(...losses);
}

export const fsp = featureLoss({
  name: "fsp",
  summary: "How one layer's maps lead to the next one's: products of channels between layers (FSP)",
  paper: "Yim et al., 2017, CVPR",
  weight: 50,
  numbers: {},
  options: {},
  pairs: "stages",
  fit: { form: "maps", channels: "same", space: "any" },
  build: ({ g, pairs }) => fspLoss(g, pairs),
});
