import type { Graph } from "../../graph.ts";
import { activationDecompositions } from "./activation.ts";
import { fusedAttentionDecompositions } from "./fused-attention.ts";
import { fusedLinearDecompositions } from "./fused-linear.ts";
import { groupQueryAttentionDecompositions } from "./group-query-attention.ts";
import { layoutDecompositions } from "./layout.ts";
import { lossDecompositions } from "./loss.ts";
import { normalizationDecompositions } from "./normalization.ts";
import { quantizedDecompositions } from "./quantized.ts";
import { type Decompositions, replaceNodes } from "./replace.ts";
import { rotaryDecompositions } from "./rotary.ts";
import { standardAttentionDecompositions } from "./standard-attention.ts";

/** Every operator that is replaced by others. */
const decompositions: Decompositions = {
  ...activationDecompositions,
  ...fusedAttentionDecompositions,
  ...groupQueryAttentionDecompositions,
  ...standardAttentionDecompositions,
  ...rotaryDecompositions,
  ...fusedLinearDecompositions,
  ...normalizationDecompositions,
  ...quantizedDecompositions,
  ...layoutDecompositions,
  ...lossDecompositions,
};

/**
 * The graph without operators that have no gradient rule of their own: those that ONNX Runtime's optimiser and exporters of transformers
 * fuse (com.microsoft), those of opsets after `OPSET`, and some older ones, each written as primitives of opset `OPSET`. Values keep their
 * names; symbolic dimensions stay symbolic. Recurrent layers stay: see `unrollRecurrent`.
 *
 * @throws LimbeckError naming the node that uses what can't be decomposed, or whose inputs' shapes are not known.
 */
export function decompose(graph: Graph): Graph {
  return replaceNodes(graph, decompositions);
}
