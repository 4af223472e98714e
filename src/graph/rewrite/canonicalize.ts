import type { Graph } from "../graph.ts";
import { foldControlFlow } from "./control-flow.ts";
import { decompose } from "./decompose/decompose.ts";
import { foldConstants } from "./fold.ts";
import { statedOutputs } from "./infer.ts";
import { inferenceForm } from "./inference-form.ts";
import { liftWeights } from "./lift-weights.ts";
import { convertOpset } from "./opset/convert.ts";
import { quantizedWeights } from "./quantized-weights.ts";
import { widenFloats } from "./widen.ts";

/**
 * Any model in the one form that the rest of Limbeck builds upon: the operator set `OPSET`, no control flow, no fused operators, float32
 * weights that are initialisers, everything as in inference, what depends on constants alone computed. Inputs, outputs and weights keep
 * their names.
 *
 * @throws LimbeckError naming the node that can't be brought into this form.
 */
export function canonicalize(graph: Graph): Graph {
  return rewrites.reduce((current, rewrite) => rewrite(current), graph);
}

const rewrites: readonly ((graph: Graph) => Graph)[] = [
  convertOpset,
  foldControlFlow,
  widenFloats,
  decompose,
  inferenceForm,
  liftWeights,
  quantizedWeights,
  (graph) => foldConstants(graph, { keepWeights: true }),
  statedOutputs,
];
