import type { Graph, Value } from "../graph/graph.ts";
import { takenBy } from "../graph/graph.ts";
import { arrayTypeOf, type ElementType } from "../graph/tensor.ts";
import { sizeOf } from "./flops.ts";

/** Bytes of one element; 0 for strings, which have no fixed size. */
export function bytesPerElement(type: ElementType): number {
  return type === "string" ? 0 : arrayTypeOf(type).BYTES_PER_ELEMENT;
}

/** Operators whose first output is their first input under another shape or name, without a copy. */
const views = new Set(["Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Dropout"]);

/**
 * The most memory that activations take at once, in bytes, when nodes run in the graph's order: a value lives from the node that gives it
 * to the last that takes it; inputs and outputs of the graph live to the end; the inputs and outputs of a node never share memory, except
 * those of reshapes. Weights and constants don't count. A runtime that computes in place or reorders needs less.
 *
 * @param values Every value by name, with fixed shapes.
 */
export function peakActivationBytes(graph: Graph, values: ReadonlyMap<string, Value>): number {
  const constants = new Set([
    ...graph.initializers.keys(),
    ...graph.nodes.flatMap(({ op, outputs }) => (op === "Constant" ? outputs : [])),
  ]);
  const owners = new Map<string, string>();
  for (const { op, inputs, outputs } of graph.nodes) {
    const [from = "", to = ""] = [inputs[0], outputs[0]];
    if (views.has(op) && from !== "") owners.set(to, owners.get(from) ?? from);
  }
  const ownerOf = (name: string): string => owners.get(name) ?? name;
  const lastUse = new Map<string, number>();
  graph.nodes.forEach((node, index) => {
    for (const name of [...takenBy(node), ...node.outputs]) lastUse.set(ownerOf(name), index);
  });
  for (const { name } of [...graph.inputs, ...graph.outputs]) lastUse.set(ownerOf(name), graph.nodes.length);

  const live = new Map<string, number>();
  const enter = (name: string): void => {
    const value = values.get(name);
    if (name !== "" && ownerOf(name) === name && !constants.has(name) && value) live.set(name, sizeOf(value) * bytesPerElement(value.type));
  };
  const total = (): number => [...live.values()].reduce((sum, bytes) => sum + bytes, 0);
  for (const { name } of graph.inputs) enter(name);
  let peak = total();
  graph.nodes.forEach((node, index) => {
    for (const name of node.outputs) enter(name);
    peak = Math.max(peak, total());
    for (const name of live.keys()) if ((lastUse.get(name) ?? index) <= index) live.delete(name);
  });
  return peak;
}
