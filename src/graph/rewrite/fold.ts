import { tensor } from "../attributes.ts";
import { type Graph, type Node, takenBy } from "../graph.ts";
import type { ValueType } from "../shapes/rule.ts";
import { elementCount, type Tensor } from "../tensor.ts";
import { initializerRoles, isWeight } from "../weights.ts";
import { propagate } from "./propagate.ts";
import { pruneDead } from "./prune.ts";

/** A folded value has at most this many elements, or else no more than the stored tensors that it makes superfluous. */
const LIMIT = 2 ** 14;
/** So many elements are made from next to nothing in all: a damaged file may ask for more than memory holds, a little at a time. */
const TOTAL_LIMIT = 2 ** 25;

/**
 * Computes ahead of time what depends only on constants and static shapes: the arithmetic on shapes that exporters emit, and cheap changes
 * to weights. What is computed from a weight becomes an initialiser (a transposed weight is still a weight), anything else a Constant node.
 * Drops what no output depends on any more. Outputs keep their names and their bits; folding twice changes nothing more.
 *
 * @param options.keepWeights Leaves what is computed from parameters and buffers to the graph: for a network that is to be trained.
 */
export function foldConstants(graph: Graph, { keepWeights = false }: { readonly keepWeights?: boolean } = {}): Graph {
  let current = pruneDead(graph);
  const roles = keepWeights ? initializerRoles(current) : undefined;
  const kept = new Set(roles && [...roles.parameters, ...roles.buffers]);
  const made = { elements: 0 };
  // What one round drops may leave the next one a tensor that only one node still needs.
  for (;;) {
    const folded = foldOnce(current, kept, made);
    if (folded === current) return current;
    current = pruneDead(folded);
  }
}

function foldOnce(graph: Graph, kept: ReadonlySet<string>, made: { elements: number }): Graph {
  const uses = countUses(graph);
  const freed = (node: Node) =>
    node.inputs.reduce((total, name) => total + (uses.get(name) === 1 ? elementCount(graph.initializers.get(name)?.shape ?? [0]) : 0), 0);
  const isWorth = (node: Node, { shape }: ValueType) => {
    const elements = elementCount(shape.map(Number));
    if (node.op === "Constant" || elements <= freed(node)) return true;
    if (!(elements <= LIMIT && made.elements + elements <= TOTAL_LIMIT)) return false;
    made.elements += elements;
    return true;
  };
  const { constants } = propagate(graph, isWorth, kept);
  const initializers = new Map(graph.initializers);
  const nodes = graph.nodes.flatMap((node): Node[] => {
    const names = node.outputs.filter((name) => name !== "");
    const isFolded = names.every((name) => constants.has(name));
    if (!isFolded || (node.op === "Constant" && node.attributes.value?.kind === "tensor")) return [node];
    const isOfWeights = node.inputs.some((input) => initializers.has(input) && isWeight(initializers.get(input) as Tensor));
    if (!isOfWeights) return names.map((name) => constantNode(names.length > 1 ? name : node.name, name, constants.get(name) as Tensor));
    for (const name of names) initializers.set(name, constants.get(name) as Tensor);
    return [];
  });
  const isUnchanged = nodes.length === graph.nodes.length && nodes.every((node, index) => node === graph.nodes[index]);
  return isUnchanged ? graph : { ...graph, nodes, initializers };
}

function countUses(graph: Graph): ReadonlyMap<string, number> {
  const uses = new Map<string, number>();
  for (const name of [...graph.nodes.flatMap(takenBy), ...graph.outputs.map(({ name }) => name)]) uses.set(name, (uses.get(name) ?? 0) + 1);
  return uses;
}

function constantNode(name: string, output: string, value: Tensor): Node {
  return { op: "Constant", domain: "", name, inputs: [], outputs: [output], attributes: { value: tensor(value) } };
}
