import { intAttribute } from "../attributes.ts";
import type { Attribute, Graph, Node } from "../graph.ts";
import { elementCount, type Tensor } from "../tensor.ts";
import { renameValues } from "./rename.ts";

/** Nodes that give something else each time. */
const RANDOM = new Set(["RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli", "Dropout"]);
/** Constants of more elements are not compared. */
const SMALL = 2 ** 10;

/**
 * The graph with nodes that compute the same thing (one operator, one set of attributes, the same inputs) merged into the first of them.
 *
 * A node that gives further outputs than the first lends them to it: a LayerNormalization and the same one with its statistics are one
 * node. Outputs of the graph keep their names, so nodes that give them stay, and so do nodes that draw random numbers, that hold graphs,
 * and batch normalisations in training, whose kernel writes over its inputs.
 */
export function mergeCommonSubexpressions(graph: Graph): Graph {
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const tensorKey = tensorKeys();
  const merged = new Map<string, string>();
  const firsts = new Map<string, number>();
  const nodes: Node[] = [];
  for (const original of graph.nodes) {
    const node = { ...original, inputs: original.inputs.map((name) => merged.get(name) ?? name) };
    const key = isPure(node) ? nodeKey(node, tensorKey) : undefined;
    const index = key === undefined ? undefined : firsts.get(key);
    if (index === undefined || node.outputs.some((name) => outputs.has(name))) {
      if (key !== undefined && index === undefined) firsts.set(key, nodes.length);
      nodes.push(node);
      continue;
    }
    const first = nodes[index] as Node;
    nodes[index] = { ...first, outputs: union(first.outputs, node.outputs) };
    node.outputs.forEach((name, position) => {
      const kept = first.outputs[position] ?? "";
      if (name !== "" && kept !== "") merged.set(name, kept);
    });
  }
  // Graphs within nodes take values from around them, too.
  return merged.size === 0 ? graph : redirected({ ...graph, nodes }, merged);
}

/** Names where the first list has none come from the second. */
function union(first: readonly string[], second: readonly string[]): string[] {
  return Array.from({ length: Math.max(first.length, second.length) }, (_, index) => first[index] || second[index] || "");
}

function redirected(graph: Graph, merged: ReadonlyMap<string, string>): Graph {
  const hasGraphs = graph.nodes.some(({ attributes }) => Object.values(attributes).some(({ kind }) => kind === "graph"));
  return hasGraphs ? renameValues(graph, merged) : graph;
}

function isPure(node: Node): boolean {
  if (RANDOM.has(node.op)) return false;
  if (node.op === "BatchNormalization" && intAttribute(node, "training_mode", 0) === 1) return false;
  return Object.values(node.attributes).every(({ kind }) => kind !== "graph");
}

function nodeKey({ op, domain, inputs, attributes }: Node, tensorKey: (tensor: Tensor) => string): string {
  const given = Object.keys(attributes)
    .sort()
    .map((name) => [name, attributeKey(attributes[name] as Attribute, tensorKey)]);
  return JSON.stringify([domain, op, inputs, given]);
}

function attributeKey(attribute: Attribute, tensorKey: (tensor: Tensor) => string): unknown {
  if (attribute.kind === "tensor") return tensorKey(attribute.value);
  // JSON would write −0 as 0, and NaN and the infinities as null.
  return [attribute.kind, attribute.kind === "graph" ? attribute.value.name : [attribute.value].flat().map(exactly)];
}

const exactly = (element: unknown): string => (Object.is(element, -0) ? "-0" : String(element));

/** Tells tensors apart: small ones by their elements, others by being one object. */
function tensorKeys(): (tensor: Tensor) => string {
  const numbers = new Map<Tensor, number>();
  return (tensor) => {
    if (elementCount(tensor.shape) <= SMALL) {
      return JSON.stringify([tensor.type, tensor.shape, Array.from(tensor.data as ArrayLike<unknown>, exactly)]);
    }
    const number = numbers.get(tensor) ?? numbers.size;
    numbers.set(tensor, number);
    return `#${number}`;
  };
}
