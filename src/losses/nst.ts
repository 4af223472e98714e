import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { featureLoss, overPairs } from "./loss.ts";
import { PLACES, places, requireSameShape, unit } from "./maps.ts";

/**
 * Neuron selectivity transfer: Huang and Wang, 2017 (arXiv:1707.01219), with the polynomial kernel k(a, b) = (a·b)². Each channel of a map,
 * normalised over its places, is a sample of a distribution; the loss is the squared maximum mean discrepancy of the two:
 *
 *     mean over the batch of [mean k(t, t) + mean k(s, s) − 2·mean k(s, t)], means over all pairs of channels
 *
 * The same is ‖S·Sᵀ/C − T·Tᵀ/C'‖² of matrices whose columns are the channels, [H·W, C]; whichever needs the smaller products is computed.
 *
 * @param student [B, C, H, W] @param teacher [B, C', H, W]
 * @returns A scalar, not negative.
 * @throws LimbeckError when the maps differ in size.
 */
export function nstLoss(g: GraphBuilder, student: Value, teacher: Value): Value {
  requireSameShape("Neuron selectivity transfer", student, teacher, PLACES);
  const [s, t] = [student, teacher].map((map) => unit(g, places(g, map), 2)) as [Value, Value];
  const [batch, channels, positions] = s.shape.map(Number) as [number, number, number];
  if (positions <= Math.max(channels, Number(t.shape[1]))) {
    const [a, b] = [s, t].map((x) => g.matMul(x, x, { transposeA: true, alpha: 1 / Number(x.shape[1]) })) as [Value, Value];
    return g.mul(g.reduceSumSquare(g.sub(a, b)), 1 / batch);
  }
  const kernel = (a: Value, b: Value) => {
    const products = g.matMul(a, b, { transposeB: true });
    return g.reduceMean(g.mul(products, products));
  };
  return g.sub(g.add(kernel(t, t), kernel(s, s)), g.mul(kernel(s, t), 2));
}

export const nst = featureLoss({
  name: "nst",
  summary: "How channels are distributed over places: maximum mean discrepancy (neuron selectivity transfer)",
  paper: "Huang and Wang, 2017, arXiv:1707.01219",
  weight: 50,
  numbers: {},
  options: {},
  pairs: "stages",
  fit: { form: "maps", channels: "any", space: "same" },
  build: overPairs(({ g }, { student, teacher }) => nstLoss(g, student, teacher)),
});
