import { LimbeckError } from "../../../errors.ts";
import { floatAttribute, intAttribute } from "../../attributes.ts";
import type { GraphBuilder } from "../../builder/builder.ts";
import { formatShape, type Node, type Value } from "../../graph.ts";
import { int64 } from "../../tensor.ts";
import {
  attend,
  bothOf,
  causal,
  type Heads,
  joinTokens,
  knownSize,
  LOWEST,
  mergeHeads,
  repeatHeads,
  type ScoreOptions,
  scaleOf,
  splitHeads,
  widthOf,
  within,
} from "./attention.ts";
import { positions, sizeOf } from "./positions.ts";
import { type Decomposition, type Decompositions, share, taking } from "./replace.ts";

/** ONNX's Attention (opset 23): several heads of queries may share one of keys; inputs are [B, S, N·H] or [B, N, S, H]. */
const attention: Decomposition = ({ g, node, inputs }) => {
  const [query, key, value, , pastK, pastV] = inputs as [Value, Value, Value, ...(Value | undefined)[]];
  if (intAttribute(node, "left_window_size", -1) >= 0 || intAttribute(node, "right_window_size", -1) >= 0)
    throw new LimbeckError("Attention in a sliding window is not supported.");
  const isSplit = query.shape.length === 4;
  const inHeads = (x: Value, attribute: string) => (isSplit ? x : splitHeads(g, x, intAttribute(node, attribute, 1)));
  const q = inHeads(query, "q_num_heads");
  const presentK = joinTokens(g, pastK, inHeads(key, "kv_num_heads"));
  const presentV = joinTokens(g, pastV, inHeads(value, "kv_num_heads"));
  const times = share(knownSize(q, 1), knownSize(presentK, 1));
  const heads = { q, k: repeatHeads(g, presentK, times), v: repeatHeads(g, presentV, times) };
  const { y, scores, capped, weights } = attend(g, heads, scaleOf(node, widthOf(q)), {
    softcap: floatAttribute(node, "softcap", 0),
    ...masksOf(g, node, heads, inputs),
  });
  const stages = [scores, capped, undefined, weights];
  return [isSplit ? y : mergeHeads(g, y), presentK, presentV, stages[intAttribute(node, "qk_matmul_output_mode", 0)]];
};

/** What hides keys: the mask, padding behind `lengths` [B] of each row's keys, and causality. */
function masksOf(g: GraphBuilder, node: Node, heads: Heads, inputs: readonly (Value | undefined)[]): ScoreOptions {
  const [, , , mask, past, , lengths] = inputs;
  const whole = mask && paddedMask(g, mask, heads.k);
  const isBoolean = mask?.type === "bool";
  const given = bothOf(g, isBoolean ? whole : undefined, lengths && within(g, heads.k, lengths));
  const ordered = () => (lengths ? causalAtEnd(g, heads, lengths) : causal(g, heads, past));
  const order = intAttribute(node, "is_causal", 0) ? ordered() : undefined;
  return { bias: isBoolean ? undefined : whole, allowed: bothOf(g, given, order), mayHideAll: given !== undefined };
}

/** The mask for every key: those that it does not reach are hidden. */
function paddedMask(g: GraphBuilder, mask: Value, k: Value): Value {
  const [covered, all] = [mask.shape.at(-1), k.shape[2]];
  if (typeof covered !== "number" || typeof all !== "number" || covered === 1 || covered === all) return mask;
  if (covered > all) throw new LimbeckError(`A mask ${formatShape(mask.shape)} doesn't fit ${all} keys.`);
  const pads = int64(mask.shape.flatMap(() => [0, 0]).with(-1, all - covered));
  const [whole] = g.emit("Pad", [mask, g.constant(pads), mask.type === "bool" ? undefined : g.scalar(LOWEST, mask.type)]) as [Value];
  return whole;
}

/** Causality where the queries are the last of `lengths` [B] tokens: j ≤ i + length − S, [B, 1, S, T]. */
function causalAtEnd(g: GraphBuilder, { q, k }: Heads, lengths: Value): Value {
  const before = g.sub(g.cast(lengths, "int64"), sizeOf(g, q, 2));
  const last = g.add(g.unsqueeze(positions(g, q, 2), [1]), g.unsqueeze(before, [1, 2, 3]));
  return g.lessOrEqual(positions(g, k, 2), last);
}

export const standardAttentionDecompositions: Decompositions = { Attention: taking(3, attention) };
