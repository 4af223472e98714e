import { type Graph, type Node, takenBy } from "../graph.ts";

/** Drops nodes and initialisers that no output depends on. Inputs stay: they are the graph's interface. */
export function pruneDead(graph: Graph): Graph {
  const needed = new Set(graph.outputs.map(({ name }) => name));
  const kept: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((output) => needed.has(output))) continue;
    kept.push(node);
    for (const name of takenBy(node)) needed.add(name);
  }
  return {
    ...graph,
    nodes: kept.reverse(),
    initializers: new Map(Array.from(graph.initializers).filter(([name]) => needed.has(name))),
  };
}
