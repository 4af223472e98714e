import { LimbeckError } from "../../errors.ts";
import { type Attribute, type Graph, givenBy, type Value } from "../graph.ts";

/**
 * The graph with values renamed wherever they appear, in subgraphs too; names not in the map stay.
 *
 * @throws LimbeckError when two values would end up with one name.
 */
export function renameValues(graph: Graph, names: ReadonlyMap<string, string>): Graph {
  const taken = new Set<string>();
  for (const name of givenBy(graph)) {
    const renamed = names.get(name) ?? name;
    if (taken.has(renamed)) throw new LimbeckError(`Two values of the graph "${graph.name}" would be named "${renamed}".`);
    taken.add(renamed);
  }
  return renamedThroughout(graph, names);
}

function renamedThroughout(graph: Graph, names: ReadonlyMap<string, string>): Graph {
  const rename = (name: string): string => names.get(name) ?? name;
  const renameValue = (value: Value): Value => ({ ...value, name: rename(value.name) });
  const renameInside = (attribute: Attribute): Attribute =>
    attribute.kind === "graph" ? { kind: "graph", value: renamedThroughout(attribute.value, names) } : attribute;
  return {
    ...graph,
    inputs: graph.inputs.map(renameValue),
    outputs: graph.outputs.map(renameValue),
    nodes: graph.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(rename),
      outputs: node.outputs.map(rename),
      attributes: Object.fromEntries(Object.entries(node.attributes).map(([name, attribute]) => [name, renameInside(attribute)])),
    })),
    initializers: new Map(Array.from(graph.initializers, ([name, tensor]) => [rename(name), tensor])),
  };
}
