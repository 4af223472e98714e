import { LimbeckError } from "../errors.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import { formatShape, type Value } from "../graph/graph.ts";

// What losses on tokens share. A mask is [B, T], of any numeric type: 1 for tokens, 0 for padding. What is taken with a mask depends neither
// on what padding holds nor on how much of it there is.

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

/** The mean of each sample's tokens, [B, T, D], as one vector: [B, D]; zeros of a sample that is all padding. */
export function meanOfTokens(g: GraphBuilder, x: Value, mask?: Value): Value {
  if (!mask) return g.reduceMean(x, { axes: [1] });
  const lengths = g.max(g.reduceSum(g.cast(mask, x.type), { axes: [1], keepDims: true }), 1);
  return g.div(g.reduceSum(withoutPadding(g, x, mask), { axes: [1] }), lengths);
}

/**
 * Vectors as they are; tokens [B, T, D], or what there is for each pair of them, [B, heads, T, T], with zeros in place of padding.
 *
 * @throws LimbeckError for what isn't of the mask's tokens.
 */
export function withoutPadding(g: GraphBuilder, x: Value, mask: Value): Value {
  if (x.shape.length === 2) return x;
  const tokens = x.shape.length === 3 ? x.shape.slice(1, 2) : x.shape.slice(2);
  if (x.shape.length > 4 || tokens.some((count) => count !== mask.shape[1])) {
    throw new LimbeckError(`Padding can't be left out of "${x.name}" ${formatShape(x.shape)}: texts have ${mask.shape[1]} tokens here.`, {
      hint: "Pair tokens [batch, tokens, features], attentions [batch, heads, tokens, tokens], or vectors.",
    });
  }
  const kept = g.cast(mask, x.type);
  if (x.shape.length === 3) return g.mul(x, g.unsqueeze(kept, [2]));
  // Scores of padding may be infinite, so they are replaced, not multiplied.
  const pairs = g.mul(g.unsqueeze(kept, [1, 3]), g.unsqueeze(kept, [1, 2]));
  return g.where(g.greater(pairs, 0), x, 0);
}
