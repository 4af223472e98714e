import { without } from "../attributes.ts";
import type { Graph, Node } from "../graph.ts";
import { pruneDead } from "./prune.ts";

/**
 * The graph with every operator in the form that it has in inference: what exporters write of a network in training mode.
 * BatchNormalization goes by its stored statistics and has one output; Dropout is marked inactive. Training (src/train) takes it from there.
 */
export function inferenceForm(graph: Graph): Graph {
  const nodes = graph.nodes.map((node) => (node.domain === "" ? (forms[node.op]?.(node) ?? node) : node));
  return nodes.every((node, index) => node === graph.nodes[index]) ? graph : pruneDead({ ...graph, nodes });
}

const forms: Readonly<Record<string, (node: Node) => Node>> = {
  BatchNormalization: (node) =>
    node.outputs.length === 1 && !node.attributes.training_mode
      ? node
      : { ...node, outputs: node.outputs.slice(0, 1), attributes: without(node.attributes, "training_mode") },
  // Without its third input a Dropout of opset 12 and later is inactive.
  Dropout: (node) => (node.inputs.length > 2 ? { ...node, inputs: node.inputs.slice(0, 2) } : node),
};
