import { LimbeckError } from "../../errors.ts";
import { describeNode, type Graph, type Node, OPSET, type Value } from "../graph.ts";
import type { GraphBuilder } from "./builder.ts";

export interface InlineOptions {
  /** What stands for inputs and initialisers of the graph, by name. Initialisers not named are stored as constants. */
  readonly bind: ReadonlyMap<string, Value>;
  /** Put before every name of the graph, to keep it apart from others in the same builder. */
  readonly prefix?: string;
  /** Emits something else in a node's place, by returning its outputs. */
  readonly replace?: (node: Node, inputs: readonly (Value | undefined)[]) => readonly Value[] | undefined;
}

/**
 * Replays a graph into a builder, so that it becomes part of a larger one; shapes are inferred anew from what its inputs are bound to.
 *
 * @returns The value in the builder for each name of the graph.
 * @throws LimbeckError when an input is not bound, or a node does not fit the shapes it meets.
 */
export function inlineGraph(g: GraphBuilder, graph: Graph, { bind, prefix = "", replace }: InlineOptions): ReadonlyMap<string, Value> {
  const opset = graph.opsets[""] ?? OPSET;
  if (opset !== OPSET) {
    throw new LimbeckError(`The graph "${graph.name}" uses ONNX opset ${opset}; only opset ${OPSET} can be built upon.`, {
      hint: `Bring it into opset ${OPSET} with canonicalize(graph), or export it again.`,
    });
  }
  const values = new Map<string, Value>(bind);
  for (const { name } of graph.inputs) {
    if (!values.has(name)) throw new LimbeckError(`Input "${name}" of the graph "${graph.name}" is not connected.`);
  }
  for (const [name, tensor] of graph.initializers) {
    if (!values.has(name)) values.set(name, g.store(prefix + name, tensor));
  }
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((name) => {
      if (name === "") return undefined;
      const value = values.get(name);
      if (!value) throw new LimbeckError(`${describeNode(node)} takes "${name}", which nothing before it gives.`);
      return value;
    });
    const outputs =
      replace?.(node, inputs) ??
      g.emit(node.op, inputs, {
        attributes: node.attributes,
        domain: node.domain,
        name: prefix + node.name,
        outputNames: node.outputs.map((name) => (name === "" ? "" : prefix + name)),
      });
    node.outputs.forEach((name, index) => {
      const value = outputs[index];
      if (name !== "" && value) values.set(name, value);
    });
  }
  return values;
}
