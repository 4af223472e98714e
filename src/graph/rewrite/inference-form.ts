import { LimbeckError } from "../../errors.ts";
import { without } from "../attributes.ts";
import { describeNode, type Graph, type Node, takenBy } from "../graph.ts";
import { pruneDead } from "./prune.ts";

/**
 * The graph with every operator in the form that it has in inference: what exporters write of a network in training mode.
 * BatchNormalization goes by its stored statistics and has one output; Dropout is marked inactive. Training (src/train) takes it from
 * there.
 *
 * @throws LimbeckError when the batch statistics of a normalisation in training mode are used for something else.
 */
export function inferenceForm(graph: Graph): Graph {
  const used = new Set([...graph.nodes.flatMap(takenBy), ...graph.outputs.map(({ name }) => name)]);
  const nodes = graph.nodes.map((node) => {
    const form = node.domain === "" ? (forms[node.op]?.(node) ?? node) : node;
    const lost = node.outputs.slice(form.outputs.length).find((name) => used.has(name));
    if (lost !== undefined) {
      throw new LimbeckError(`${describeNode(node)} in training mode gives "${lost}", which is used further on: that is not supported.`, {
        hint: "Export the model in inference mode.",
      });
    }
    return form;
  });
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
