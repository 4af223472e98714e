import { LimbeckError } from "../../../errors.ts";
import { floatAttribute, intAttribute, stringAttribute } from "../../attributes.ts";
import type { GraphBuilder } from "../../builder/builder.ts";
import { MICROSOFT, type Node, type Value } from "../../graph.ts";
import {
  attend,
  bothOf,
  causal,
  type Heads,
  joinTokens,
  knownSize,
  mergeHeads,
  queryPositions,
  repeatHeads,
  scaleOf,
  splitHeads,
  widthOf,
} from "./attention.ts";
import { positions } from "./positions.ts";
import { type Decomposition, type Decompositions, share, taking } from "./replace.ts";
import { rotate } from "./rotary.ts";

/**
 * GroupQueryAttention of com.microsoft (Ainslie et al., 2023, arXiv:2305.13245), causal, rotating queries and keys if asked. Every token of
 * the past is taken for a real one; padding behind a sequence is not, for no real query sees it. So the lengths (inputs 5 and 6) are not
 * read.
 */
const groupQueryAttention: Decomposition = ({ g, node, inputs }) => {
  const [pastK, pastV] = inputs.slice(3);
  refuseUnsupported(node, inputs);
  const { q, k: newK, v: newV } = rotated(g, node, inputs, projections(g, node, inputs));
  const [presentK, presentV] = [joinTokens(g, pastK, newK), joinTokens(g, pastV, newV)];
  const times = share(knownSize(q, 1), knownSize(newK, 1));
  const heads = { q, k: repeatHeads(g, presentK, times), v: repeatHeads(g, presentV, times) };
  const { y } = attend(g, heads, scaleOf(node, widthOf(q)), {
    softcap: floatAttribute(node, "softcap", 0),
    bias: inputs[10],
    allowed: bothOf(g, intAttribute(node, "causal", 1) ? causal(g, heads, pastK) : undefined, inWindow(g, node, heads, pastK)),
  });
  return [mergeHeads(g, y), presentK, presentV];
};

/** Heads of queries, keys and values, which may come packed in one input [B, S, (N + 2·M)·H]. */
function projections(g: GraphBuilder, node: Node, inputs: readonly (Value | undefined)[]): Heads {
  const [query, key, value] = inputs as [Value, Value | undefined, Value | undefined];
  const [n, m] = [intAttribute(node, "num_heads", 1), intAttribute(node, "kv_num_heads", 1)];
  const size = share(widthOf(query), key ? n : n + 2 * m);
  const parts = key && value ? [query, key, value] : g.split(query, [n * size, m * size, m * size], -1);
  const [q, k, v] = parts.map((part, index) => splitHeads(g, part, index === 0 ? n : m));
  return { q, k, v } as Heads;
}

/** Queries and keys turned by their positions, which go on from the past unless they are given. */
function rotated(g: GraphBuilder, node: Node, inputs: readonly (Value | undefined)[], heads: Heads): Heads {
  if (!intAttribute(node, "do_rotary", 0)) return heads;
  const [past, cos, sin, given] = [3, 7, 8, 9].map((index) => inputs[index]);
  if (!cos || !sin) throw new LimbeckError("It needs tables of cosines and sines.");
  // Tables become [S, R/2], or [B, 1, S, R/2] where each row has positions of its own.
  const places = given ? g.unsqueeze(given, [1]) : queryPositions(g, heads.q, past);
  const [cosines, sines] = [cos, sin].map((table) => g.gather(table, places, 0)) as [Value, Value];
  const rotation = { cos: cosines, sin: sines, interleaved: intAttribute(node, "rotary_interleaved", 0) === 1 };
  return { q: rotate(g, heads.q, rotation), k: rotate(g, heads.k, rotation), v: heads.v };
}

/** Whether a key is among the last `local_window_size` that a query may see, [S, T]. */
function inWindow(g: GraphBuilder, node: Node, { q, k }: Heads, past: Value | undefined): Value | undefined {
  const window = intAttribute(node, "local_window_size", -1);
  if (window < 0) return undefined;
  return g.greater(positions(g, k, 2), g.sub(g.unsqueeze(queryPositions(g, q, past), [1]), window));
}

function refuseUnsupported(node: Node, inputs: readonly (Value | undefined)[]): void {
  const refuse = (isSo: boolean, what: string) => {
    if (isSo) throw new LimbeckError(`GroupQueryAttention with ${what} is not supported.`);
  };
  refuse(stringAttribute(node, "k_quant_type", "NONE") !== "NONE", "quantised keys");
  refuse(Boolean(inputs[11]) || intAttribute(node, "smooth_softmax", 0) > 0, "attention sinks");
  refuse(Boolean(inputs[14] || inputs[15]), "normalised queries and keys");
}

export const groupQueryAttentionDecompositions: Decompositions = { [`${MICROSOFT}:GroupQueryAttention`]: taking(1, groupQueryAttention) };
