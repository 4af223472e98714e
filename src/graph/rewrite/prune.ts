import type { Graph, Node } from "../graph.ts";

/** Drops nodes and initialisers that no output depends on. Inputs stay: they are the graph's interface. */
export function pruneDead(graph: Graph): Graph {
  const needed = new Set(graph.outputs.map(({ name }) => name));
  const kept: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((output) => needed.has(output))) continue;
    kept.push(node);
    for (const input of node.inputs) needed.add(input);
    for (const captured of capturedNames(node)) needed.add(captured);
  }
  return {
    ...graph,
    nodes: kept.reverse(),
    initializers: new Map(Array.from(graph.initializers).filter(([name]) => needed.has(name))),
  };
}

/** Names that a node's subgraphs take from around them. */
function capturedNames(node: Node): string[] {
  return Object.values(node.attributes).flatMap((attribute) =>
    attribute.kind === "graph" ? attribute.value.nodes.flatMap((inner) => [...inner.inputs, ...capturedNames(inner)]) : [],
  );
}
