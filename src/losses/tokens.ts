import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";

// What losses on tokens share. A mask is [B, T], of any numeric type: 1 for tokens, 0 for padding.

/** The mean over all tokens of the batch that aren't padding of what there is for each, [B, T]: a scalar, 0 where all is padding. */
export function meanOverTokens(g: GraphBuilder, x: Value, mask?: Value): Value {
  if (!mask) return g.reduceMean(x);
  const weights = g.cast(mask, x.type);
  return g.div(g.reduceSum(g.mul(x, weights)), g.max(g.reduceSum(weights), 1));
}

/** The mean over samples of the mean over the tokens of each, [B, T]: a scalar. A sample that is all padding counts as 0. */
export function meanOverSamples(g: GraphBuilder, x: Value, mask?: Value): Value {
  if (!mask) return g.reduceMean(x);
  const weights = g.cast(mask, x.type);
  const lengths = g.max(g.reduceSum(weights, { axes: [1] }), 1);
  return g.reduceMean(g.div(g.reduceSum(g.mul(x, weights), { axes: [1] }), lengths));
}
