import { LimbeckError } from "../../../errors.ts";
import { intAttribute } from "../../attributes.ts";
import type { GraphBuilder } from "../../builder/builder.ts";
import { MICROSOFT, type Node, type Value } from "../../graph.ts";
import { widthOf } from "./attention.ts";
import { positions } from "./positions.ts";
import { type Decomposition, type Decompositions, share, taking } from "./replace.ts";

export interface Rotation {
  /** Of the angle of each pair of features, broadcasting to x [..., R/2], where the first R of x's features are rotated. */
  readonly cos: Value;
  readonly sin: Value;
  /** Pairs are neighbours, (x₀, x₁), (x₂, x₃)...; else a pair is one of the first half with one of the second. */
  readonly interleaved: boolean;
}

/** Rotates pairs of the last axis of x (Su et al., 2021, arXiv:2104.09864): (x₁, x₂) to (x₁·cos − x₂·sin, x₁·sin + x₂·cos). */
export function rotate(g: GraphBuilder, x: Value, { cos, sin, interleaved }: Rotation): Value {
  const [width, half] = [widthOf(x), widthOf(cos)];
  if (2 * half > width) throw new LimbeckError(`Of ${width} features, ${2 * half} can't be rotated.`);
  const [turned, rest] = 2 * half === width ? [x] : g.split(x, [2 * half, width - 2 * half], -1);
  const [first, second] = (interleaved ? neighbours(g, turned as Value, half) : g.split(turned as Value, [half, half], -1)) as [
    Value,
    Value,
  ];
  const pair = [g.sub(g.mul(first, cos), g.mul(second, sin)), g.add(g.mul(first, sin), g.mul(second, cos))];
  const rotated = interleaved ? interleave(g, pair, half) : g.concat(pair, -1);
  return rest ? g.concat([rotated, rest], -1) : rotated;
}

/** The even and the odd elements of the last axis, which has 2·half. */
function neighbours(g: GraphBuilder, x: Value, half: number): Value[] {
  const axis = x.shape.length;
  const pairs = g.reshape(x, [...x.shape.slice(1).map(() => 0), half, 2]);
  return g.split(pairs, [1, 1], axis).map((part) => g.squeeze(part, [axis]));
}

/** The inverse of `neighbours`. */
function interleave(g: GraphBuilder, parts: readonly Value[], half: number): Value {
  const axis = (parts[0] as Value).shape.length;
  const columns = parts.map((part) => g.unsqueeze(part, [axis]));
  return g.reshape(g.concat(columns, axis), [...Array.from({ length: axis - 1 }, () => 0), 2 * half]);
}

/** Rotates the heads of x [B, S, N·H] or [B, N, S, H], given tables of cosines and sines [B, S, R/2]. */
function rotateHeads(g: GraphBuilder, x: Value, heads: number, cos: Value, sin: Value, interleaved: boolean): Value {
  const isSplit = x.shape.length === 4;
  const axis = isSplit ? 1 : 2;
  const rotation = { cos: g.unsqueeze(cos, [axis]), sin: g.unsqueeze(sin, [axis]), interleaved };
  if (isSplit) return rotate(g, x, rotation);
  const width = widthOf(x);
  return g.reshape(rotate(g, g.reshape(x, [0, 0, heads, share(width, heads)]), rotation), [0, 0, width]);
}

/** The first columns of a table, as many as pairs are rotated; all where the node doesn't say. */
function rotatedPart(g: GraphBuilder, node: Node, table: Value): Value {
  const half = share(intAttribute(node, "rotary_embedding_dim", 0), 2);
  return half === 0 || half === widthOf(table) ? table : g.slice(table, [{ axis: table.shape.length - 1, start: 0, end: half }]);
}

const rotaryEmbedding: Decomposition = ({ g, node, inputs }) => {
  const [x, cos, sin, ids] = inputs as [Value, Value, Value, Value | undefined];
  const [cosines, sines] = [cos, sin].map((table) => {
    const part = rotatedPart(g, node, table);
    return ids ? g.gather(part, ids, 0) : part;
  }) as [Value, Value];
  return [rotateHeads(g, x, intAttribute(node, "num_heads", 1), cosines, sines, intAttribute(node, "interleaved", 0) === 1)];
};

/** The one of com.microsoft: tables by position, positions [B, S], or [1] where the first stands and the others follow. */
const fusedRotaryEmbedding: Decomposition = ({ g, node, inputs }) => {
  const [x, ids, cos, sin] = inputs as [Value, Value, Value, Value];
  if (intAttribute(node, "is_packed_batching", 0)) throw new LimbeckError("Rotary embedding of a packed batch is not supported.");
  const place = ids.shape.length === 1 ? g.unsqueeze(g.add(positions(g, x, x.shape.length - 2), ids), [0]) : ids;
  const [cosines, sines] = [cos, sin].map((table) => g.gather(rotatedPart(g, node, table), place, 0)) as [Value, Value];
  const heads = intAttribute(node, "num_heads", 0) || share(widthOf(x), 2 * widthOf(cos));
  return [rotateHeads(g, x, heads, cosines, sines, intAttribute(node, "interleaved", 0) === 1)];
};

export const rotaryDecompositions: Decompositions = {
  RotaryEmbedding: taking(3, rotaryEmbedding),
  [`${MICROSOFT}:RotaryEmbedding`]: taking(4, fusedRotaryEmbedding),
};
