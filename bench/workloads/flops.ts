import type { Graph } from "../../src/graph/graph.ts";
import { takenBy } from "../../src/graph/graph.ts";
import { canonicalize } from "../../src/graph/rewrite/canonicalize.ts";
import { foldConstants } from "../../src/graph/rewrite/fold.ts";
import { bindDimensions, inferShapes } from "../../src/graph/rewrite/infer.ts";
import { initializerRoles } from "../../src/graph/weights.ts";
import { workOf } from "../../src/measure/flops.ts";

/** Operations of matrix products and convolutions, a multiply-accumulate being two. */
export interface Flops {
  readonly forward: number;
  /** Forward and backward. */
  readonly training: number;
}

/**
 * Counts what a network's products take on a batch, whatever way they are computed. The gradient to either factor of a product takes as much
 * as the product, and is needed where that factor depends on a parameter: so a layer counts three times in training, and twice
 * where its input is the network's.
 *
 * @param sizes Of the network's symbolic dimensions.
 */
export function flopsOf(network: Graph, sizes: Readonly<Record<string, number>>): Flops {
  const graph = foldConstants(bindDimensions(canonicalize(network), sizes), { keepWeights: true });
  const values = inferShapes(graph);
  const trained = new Set(initializerRoles(graph).parameters);
  let [forward, training] = [0, 0];
  for (const node of graph.nodes) {
    const taken = takenBy(node);
    const inputs = node.inputs.map((name) => values.get(name));
    const { macs } = workOf({ node, inputs, outputs: node.outputs.flatMap((name) => values.get(name) ?? []) });
    const gradients = node.inputs.slice(0, 2).filter((name) => trained.has(name)).length;
    forward += 2 * macs;
    training += 2 * macs * (1 + gradients);
    if (taken.some((name) => trained.has(name))) for (const output of node.outputs) trained.add(output);
  }
  return { forward, training };
}
