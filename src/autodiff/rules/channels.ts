import type { GraphBuilder } from "../../graph/builder/builder.ts";
import type { Value } from "../../graph/graph.ts";
import { elementCount } from "../../graph/tensor.ts";
import { sizesOf } from "../rule.ts";

/** Sum of x [N, C, ...] over everything but its channels: [C]. In two steps, which take half of one step's time on large tensors. */
export function channelSum(g: GraphBuilder, x: Value): Value {
  const spatial = [...x.shape.keys()].slice(2);
  return g.reduceSum(g.reduceSum(x, { axes: spatial }), { axes: [0] });
}

/**
 * Sum of a·b over everything but the channels, for a and b [N, C, ...]: [C].
 *
 * Each image's channel is a row, and a dot product of rows reads both once where multiply-and-sum also writes and reads the product;
 * a row of a few elements is not worth a matrix product.
 */
export function channelDot(g: GraphBuilder, a: Value, b: Value): Value {
  const [batch, channels, ...spatial] = sizesOf(a) as [number, number, ...number[]];
  const pixels = elementCount(spatial);
  if (pixels < 16) return channelSum(g, g.mul(a, b));
  const rows = (x: Value) => g.reshape(x, [batch, channels, 1, pixels]);
  return g.reshape(g.reduceSum(g.matMul(rows(a), rows(b), { transposeB: true }), { axes: [0] }), [channels]);
}

/** Values per channel [C], shaped to broadcast along the channels of x [N, C, ...]. */
export function alongChannels(g: GraphBuilder, perChannel: Value, x: Value): Value {
  return g.reshape(perChannel, [...perChannel.shape, ...x.shape.slice(2).map(() => 1)]);
}

/** scale·x + shift per channel in one pass: batch normalisation by mean 0 and variance 1. */
export function channelAffine(g: GraphBuilder, x: Value, scale: Value, shift: Value): Value {
  const all = (number: number) => g.expand(g.scalar(number, scale.type), sizesOf(scale));
  return g.batchNormalization(x, scale, shift, all(0), all(1), 0);
}
