import { LimbeckError } from "../../../errors.ts";
import { floatAttribute } from "../../attributes.ts";
import type { GraphBuilder } from "../../builder/builder.ts";
import { formatShape, type Node, type Value } from "../../graph.ts";
import { positions, sizeOf } from "./positions.ts";
import { share } from "./replace.ts";

/** Queries [B, N, S, H], keys [B, N, T, H] and values [B, N, T, H'] of N heads; S and T tokens. */
export interface Heads {
  readonly q: Value;
  readonly k: Value;
  readonly v: Value;
}

/** [B, S, N·H] to [B, N, S, H]. */
export function splitHeads(g: GraphBuilder, x: Value, heads: number): Value {
  return g.transpose(g.reshape(x, [0, 0, heads, share(widthOf(x), heads)]), [0, 2, 1, 3]);
}

/** [B, N, S, H] to [B, S, N·H]. */
export function mergeHeads(g: GraphBuilder, x: Value): Value {
  return g.reshape(g.transpose(x, [0, 2, 1, 3]), [0, 0, knownSize(x, 1) * widthOf(x)]);
}

/** [B, N, T, H] to [B, N·times, T, H], each head repeated in place: several heads of queries share one of keys. */
export function repeatHeads(g: GraphBuilder, x: Value, times: number): Value {
  if (times === 1) return x;
  const repeated = g.expand(g.unsqueeze(x, [2]), [1, 1, times, 1, 1]);
  return g.reshape(repeated, [0, knownSize(x, 1) * times, -1, widthOf(x)]);
}

/** Keys or values of tokens seen before [B, N, P, H], and after them the new ones [B, N, T, H]. */
export function joinTokens(g: GraphBuilder, past: Value | undefined, fresh: Value): Value {
  return past ? g.concat([past, fresh], 2) : fresh;
}

/** A size that attention must know. @throws LimbeckError when it is symbolic, or there is no such axis. */
export function knownSize(x: Value, axis: number): number {
  const size = x.shape.at(axis);
  if (typeof size === "number") return size;
  throw new LimbeckError(`The size of axis ${axis} of "${x.name}" ${formatShape(x.shape)} must be known.`);
}

/** The known last size. */
export const widthOf = (x: Value): number => knownSize(x, -1);

/** The factor of the scores: 1/√H unless the node has another. */
export function scaleOf(node: Node, headSize: number): number {
  const scale = floatAttribute(node, "scale", 0);
  return scale === 0 ? 1 / Math.sqrt(headSize) : scale;
}

/** What is done to the scores between product and softmax, in this order. */
export interface ScoreOptions {
  /** Scores s become c·tanh(s/c). */
  readonly softcap?: number;
  /** Added to the scores, to which it broadcasts. */
  readonly bias?: Value;
  /** Whether a query may see a key, broadcasting to the scores. */
  readonly allowed?: Value;
  /** Some queries may see no key at all: their output is zero. */
  readonly mayHideAll?: boolean;
}

export interface Attended {
  /** [B, N, S, H'] */
  readonly y: Value;
  /** The scaled product, what the softcap makes of it, and the weights after softmax: [B, N, S, T] each. */
  readonly scores: Value;
  readonly capped: Value;
  readonly weights: Value;
}

/** The lowest float32: it takes no part in a softmax and, other than −∞, makes no NaN of a row that has nothing else. */
export const LOWEST = -3.4028234663852886e38;

/** Scaled dot-product attention (Vaswani et al., 2017, arXiv:1706.03762): softmax(scale·q·kᵀ + bias)·v. */
export function attend(g: GraphBuilder, { q, k, v }: Heads, scale: number, options: ScoreOptions): Attended {
  const { softcap = 0, bias, allowed, mayHideAll } = options;
  const scores = g.matMul(q, k, { transposeB: true, alpha: scale });
  const capped = softcap === 0 ? scores : g.mul(g.tanh(g.div(scores, softcap)), softcap);
  // Masks are added rather than selected by: they are small, and their sum with the scores needs no pass of its own in the gradient.
  const mask = allowed ? g.where(allowed, bias ?? g.scalar(0, capped.type), g.scalar(LOWEST, capped.type)) : bias;
  const softmax = g.softmax(mask ? g.add(capped, mask) : capped);
  const weights = allowed && mayHideAll ? g.mul(softmax, g.cast(allowed, softmax.type)) : softmax;
  return { y: g.matMul(weights, v), scores, capped, weights };
}

/** Positions of the queries, [S]: they go on from the tokens in `past` [B, N, P, H]. */
export function queryPositions(g: GraphBuilder, q: Value, past?: Value): Value {
  const own = positions(g, q, 2);
  return past ? g.add(own, sizeOf(g, past, 2)) : own;
}

/** Whether a query may see a key, [S, T]: none behind its own position. */
export function causal(g: GraphBuilder, { q, k }: Heads, past?: Value): Value {
  return g.lessOrEqual(positions(g, k, 2), g.unsqueeze(queryPositions(g, q, past), [1]));
}

/** Both conditions, where there are two. */
export function bothOf(g: GraphBuilder, a: Value | undefined, b: Value | undefined): Value | undefined {
  return a && b ? g.and(a, b) : (a ?? b);
}

/** Whether a key is among the first `lengths` [B] of its row, [B, 1, 1, T]. */
export function within(g: GraphBuilder, k: Value, lengths: Value): Value {
  return g.less(positions(g, k, 2), g.unsqueeze(g.cast(lengths, "int64"), [1, 2, 3]));
}
