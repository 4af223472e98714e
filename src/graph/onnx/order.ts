import { LimbeckError } from "../../errors.ts";
import { describeNode, type Graph, givenBy, type Node, takenBy } from "../graph.ts";

/**
 * The graph with its nodes in topological order; an order that already is one is kept.
 *
 * @param isAround Whether a name is one that the graph, being a subgraph, may take from around it.
 * @throws LimbeckError when a name is given twice, taken without being given, or nodes wait for each other in a circle.
 */
export function inOrder(graph: Graph, source: string, isAround: (name: string) => boolean = () => false): Graph {
  const given = new Set<string>();
  for (const name of givenBy(graph)) {
    if (given.has(name)) throw new LimbeckError(`The model gives the value "${name}" twice.`, { where: source });
    given.add(name);
  }
  const isKnown = (name: string): boolean => given.has(name) || isAround(name);
  for (const { name } of graph.outputs) {
    if (!isKnown(name)) throw new LimbeckError(`The model has an output "${name}", which nothing gives.`, { where: source });
  }
  const nodes = graph.nodes.map((node) => withSubgraphsInOrder(node, source, isKnown));
  for (const node of nodes) {
    const missing = takenBy(node).find((name) => !isKnown(name));
    if (missing !== undefined) throw new LimbeckError(`${describeNode(node)} takes "${missing}", which nothing gives.`, { where: source });
  }
  return { ...graph, nodes: sorted(nodes, source) };
}

function withSubgraphsInOrder(node: Node, source: string, isAround: (name: string) => boolean): Node {
  const entries = Object.entries(node.attributes);
  if (entries.every(([, { kind }]) => kind !== "graph")) return node;
  const attributes = Object.fromEntries(
    entries.map(([name, attribute]) => [
      name,
      attribute.kind === "graph"
        ? { ...attribute, value: inOrder(attribute.value, `${source}, ${describeNode(node)}`, isAround) }
        : attribute,
    ]),
  );
  return { ...node, attributes };
}

/** Each node after those whose outputs it takes (Kahn, 1962, "Topological sorting of large networks"). */
function sorted(nodes: readonly Node[], source: string): readonly Node[] {
  const producers = new Map(nodes.flatMap((node, index) => node.outputs.map((name) => [name, index] as const)));
  const waitsFor = nodes.map((node) => new Set(takenBy(node).flatMap((name) => producers.get(name) ?? [])));
  if (waitsFor.every((before, index) => [...before].every((producer) => producer < index))) return nodes;
  const consumers = nodes.map((): number[] => []);
  waitsFor.forEach((before, index) => {
    for (const producer of before) consumers[producer]?.push(index);
  });
  const order = nodes.flatMap((_, index) => (waitsFor[index]?.size === 0 ? [index] : []));
  // The list grows while it is walked.
  for (const index of order) {
    for (const consumer of consumers[index] ?? []) {
      const before = waitsFor[consumer];
      before?.delete(index);
      if (before?.size === 0) order.push(consumer);
    }
  }
  const stuck = nodes.find((_, index) => waitsFor[index]?.size !== 0);
  if (stuck) throw new LimbeckError(`${describeNode(stuck)} waits, directly or not, for its own result.`, { where: source });
  return order.map((index) => nodes[index] as Node);
}
