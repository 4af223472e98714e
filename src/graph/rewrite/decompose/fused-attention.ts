import { LimbeckError } from "../../../errors.ts";
import { floatAttribute, intAttribute, intsAttribute } from "../../attributes.ts";
import type { GraphBuilder } from "../../builder/builder.ts";
import { formatShape, MICROSOFT, type Node, type Value } from "../../graph.ts";
import { attend, causal, type Heads, joinTokens, knownSize, mergeHeads, scaleOf, splitHeads, widthOf, within } from "./attention.ts";
import { positions } from "./positions.ts";
import { type Decomposition, type Decompositions, share, taking } from "./replace.ts";

/** Attention of com.microsoft: projections of one input x [B, S, D] by one matrix, then heads. */
const attention: Decomposition = ({ g, node, inputs }) => {
  const [x, weight, bias, mask, past, attentionBias] = inputs as [Value, Value, ...(Value | undefined)[]];
  refuse(node, intAttribute(node, "do_rotary", 0) !== 0, "rotates its queries and keys (do_rotary)");
  refuse(node, intAttribute(node, "past_present_share_buffer", 0) !== 0, "keeps its past in a shared buffer");
  const heads = intAttribute(node, "num_heads", 1);
  const sizes = intsAttribute(node, "qkv_hidden_sizes") ?? Array.from({ length: 3 }, () => share(widthOf(weight), 3));
  if (sizes.length !== 3) throw new LimbeckError(`qkv_hidden_sizes must be three, not ${sizes.length}.`);
  const product = g.matMul(x, weight);
  const { q, k: newK, v: newV } = headsOf(g, g.split(bias ? g.add(product, bias) : product, sizes, -1), undefined, heads);
  const [pastK, pastV] = past ? (g.split(past, [1, 1], 0).map((part) => g.squeeze(part, [0])) as [Value, Value]) : [];
  const [k, v] = [joinTokens(g, pastK, newK), joinTokens(g, pastV, newV)];
  const { y } = attendFused(g, node, { q, k, v }, { mask, bias: attentionBias, past: pastK });
  const present = () => g.concat([g.unsqueeze(k, [0]), g.unsqueeze(v, [0])], 0);
  return [mergeHeads(g, y), node.outputs[1] ? present() : undefined];
};

/** MultiHeadAttention of com.microsoft: queries, keys and values are projected already; their biases may not have been added. */
const multiHeadAttention: Decomposition = ({ g, node, inputs }) => {
  const [mask, bias, pastK, pastV, sharedLength, indirection] = inputs.slice(4);
  refuse(node, Boolean(sharedLength || indirection), "keeps its past in a shared buffer");
  const { q, k: newK, v: newV } = unpacked(g, node, inputs);
  const [k, v] = [joinTokens(g, pastK, newK), joinTokens(g, pastV, newV)];
  const { y, weights } = attendFused(g, node, { q, k, v }, { mask, bias, past: pastK });
  return [mergeHeads(g, y), k, v, weights];
};

/** Heads from the forms in which MultiHeadAttention takes its input. */
function unpacked(g: GraphBuilder, node: Node, inputs: readonly (Value | undefined)[]): Heads {
  const [query, key, value, bias] = inputs as [Value, ...(Value | undefined)[]];
  const heads = intAttribute(node, "num_heads", 1);
  if (query.shape.length === 5) return headsOf(g, unpack(g, query, 3), bias, heads);
  if (!key) throw new LimbeckError(`It needs keys beside queries ${formatShape(query.shape)}.`);
  if (key.shape.length === 5) return headsOf(g, [rows(g, query), ...unpack(g, key, 2)], bias, heads);
  if (!value) throw new LimbeckError(`It needs values beside keys ${formatShape(key.shape)}.`);
  if (key.shape.length === 3) return headsOf(g, [query, key, value], bias, heads);
  // Keys and values of another sequence, split into heads once for many steps: the bias is in them.
  const width = widthOf(query);
  const own = bias && g.slice(bias, [{ axis: 0, start: 0, end: width }]);
  return { q: splitHeads(g, own ? g.add(query, own) : query, heads), k: key, v: value };
}

/** [B, S, N, parts, H] to its parts [B, S, N·H]. */
function unpack(g: GraphBuilder, packed: Value, parts: number): Value[] {
  const each = new Array<number>(parts).fill(1);
  return g.split(packed, each, 3).map((part) => rows(g, part));
}

/** [B, S, N, ..., H] to [B, S, N·H]. */
const rows = (g: GraphBuilder, x: Value): Value => (x.shape.length === 3 ? x : g.reshape(x, [0, 0, knownSize(x, 2) * widthOf(x)]));

/** Of [B, S, N·H] each, with their biases, which lie in one vector. */
function headsOf(g: GraphBuilder, parts: readonly Value[], bias: Value | undefined, heads: number): Heads {
  const biases = bias && g.split(bias, parts.map(widthOf), 0);
  const [q, k, v] = parts.map((part, index) => splitHeads(g, biases ? g.add(part, biases[index] as Value) : part, heads));
  return { q, k, v } as Heads;
}

interface FusedMasks {
  /** In any of the forms of `keyMask`. */
  readonly mask: Value | undefined;
  /** Added to the scores. */
  readonly bias: Value | undefined;
  /** Keys of earlier tokens, which every query sees. */
  readonly past: Value | undefined;
}

function attendFused(g: GraphBuilder, node: Node, heads: Heads, { mask, bias, past }: FusedMasks) {
  const filter = floatAttribute(node, "mask_filter_value", -10000);
  const { type } = heads.q;
  const filtered = mask && g.where(keyMask(g, mask, heads), g.scalar(0, type), g.scalar(filter, type));
  const allowed = intAttribute(node, "unidirectional", 0) ? causal(g, heads, past) : undefined;
  return attend(g, heads, scaleOf(node, widthOf(heads.q)), {
    bias: filtered && bias ? g.add(bias, filtered) : (filtered ?? bias),
    allowed,
  });
}

/**
 * Which keys a query may see, broadcasting to [B, N, S, T], from an integer mask: lengths [B]; ends and then starts [2·B]; non-zero for
 * tokens to see in [B, T], [B, S, T] or [B, 1, S, T].
 */
function keyMask(g: GraphBuilder, mask: Value, { q, k }: Heads): Value {
  switch (mask.shape.length) {
    case 2:
      return g.unsqueeze(g.greater(mask, 0), [1, 2]);
    case 3:
      return g.unsqueeze(g.greater(mask, 0), [1]);
    case 4:
      if (mask.shape[2] === q.shape[2] && mask.shape[3] === k.shape[2]) return g.greater(mask, 0);
      break;
    case 1: {
      const [batch] = q.shape;
      if (mask.shape[0] === batch) return within(g, k, mask);
      if (mask.shape[0] !== 2 * Number(batch)) break;
      const [ends, starts] = g.split(g.reshape(mask, [2, -1]), [1, 1], 0).map((part) => g.squeeze(part, [0])) as [Value, Value];
      const isAfter = g.greaterOrEqual(positions(g, k, 2), g.unsqueeze(g.cast(starts, "int64"), [1, 2, 3]));
      return g.and(within(g, k, ends), isAfter);
    }
  }
  const sizes = `queries ${formatShape(q.shape)} and keys ${formatShape(k.shape)}`;
  throw new LimbeckError(`A mask ${formatShape(mask.shape)} is not supported with ${sizes}.`, {
    hint: "Use a mask [B, T] of ones and zeros.",
  });
}

function refuse(node: Node, isSo: boolean, why: string): void {
  if (isSo) throw new LimbeckError(`${node.op} that ${why} is not supported.`, { hint: "Export the model without its cache." });
}

export const fusedAttentionDecompositions: Decompositions = {
  [`${MICROSOFT}:Attention`]: taking(2, attention),
  [`${MICROSOFT}:MultiHeadAttention`]: taking(1, multiHeadAttention),
};
