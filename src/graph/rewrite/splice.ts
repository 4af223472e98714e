import { LimbeckError } from "../../errors.ts";
import { type Attribute, type Graph, givenBy, type Node } from "../graph.ts";
import { MOST_COPIED_CHARACTERS } from "../onnx/limits.ts";
import type { Tensor } from "../tensor.ts";

/** Nodes and constants that become part of a graph. */
export interface Spliced {
  readonly nodes: readonly Node[];
  readonly initializers: ReadonlyMap<string, Tensor>;
}

/** What can stand in a graph, once or many times: the branch of an If, the body of a Loop, a function. */
export interface Body extends Spliced {
  /** Names of what it gives. */
  readonly outputs: readonly string[];
}

/** Where a body goes. */
export interface Place {
  /** What the names of its nodes and of its own values begin with. */
  readonly prefix: string;
  /** The name in the graph of each input of the body. */
  readonly inputs: ReadonlyMap<string, string>;
  /** Names to give to the body's outputs, in their order; "" where one isn't wanted. */
  readonly outputs: readonly string[];
  /** The name in the graph of a value that the body takes from around it; the same unless given. */
  readonly outer?: (name: string) => string;
}

/** Makes names that no value of a graph has yet. */
export type FreshNames = (wish: string) => string;

/** Names that no value of the graph has, nor any in the graphs within it, nor one that was asked for before. */
export function freshNames(graph: Graph): FreshNames {
  const taken = new Set<string>();
  const take = (inner: Graph): void => {
    for (const name of givenBy(inner)) taken.add(name);
    for (const { attributes } of inner.nodes) for (const subgraph of subgraphs(attributes)) take(subgraph);
  };
  take(graph);
  const counts = new Map<string, number>();
  let characters = 0;
  return (wish) => {
    let name = wish;
    while (taken.has(name)) {
      const count = (counts.get(wish) ?? 1) + 1;
      counts.set(wish, count);
      name = `${wish}_${count}`;
    }
    characters += name.length;
    if (characters > MOST_COPIED_CHARACTERS) throw tooManyCopies();
    taken.add(name);
    return name;
  };
}

function subgraphs(attributes: Node["attributes"]): Graph[] {
  return Object.values(attributes).flatMap((attribute) => (attribute.kind === "graph" ? [attribute.value] : []));
}

/** A copy of a body under names of its own, so that it can stand in a graph. */
export function splice({ nodes, initializers, outputs }: Body, place: Place, fresh: FreshNames): Spliced {
  const given = nodes.flatMap((node) => node.outputs);
  const nameable = new Set(given);
  const names = new Map(place.inputs);
  const copies: [from: string, to: string][] = [];
  place.outputs.forEach((to, index) => {
    const from = outputs[index] as string;
    if (to === "") return;
    // What the body only hands through, or gives twice, needs a node to get another name from.
    if (nameable.has(from) && !names.has(from)) names.set(from, to);
    else copies.push([from, to]);
  });
  const rename = renaming([...initializers.keys(), ...given], names, place.prefix, fresh, place.outer ?? ((name) => name));
  return {
    nodes: [
      ...nodes.map((node) => renamedNode(node, place.prefix, rename, fresh)),
      ...copies.map(([from, to]) => identity(rename(from), to)),
    ],
    initializers: new Map(Array.from(initializers, ([name, tensor]) => [rename(name), tensor])),
  };
}

function renaming(
  given: readonly string[],
  bound: ReadonlyMap<string, string>,
  prefix: string,
  fresh: FreshNames,
  outer: (name: string) => string,
): (name: string) => string {
  const names = new Map(bound).set("", "");
  for (const name of given) if (!names.has(name)) names.set(name, fresh(`${prefix}/${name}`));
  return (name) => names.get(name) ?? outer(name);
}

function renamedNode(node: Node, prefix: string, rename: (name: string) => string, fresh: FreshNames): Node {
  const renamedInside = (attribute: Attribute): Attribute =>
    attribute.kind === "graph" ? { kind: "graph", value: renamedGraph(attribute.value, prefix, rename, fresh) } : attribute;
  return {
    ...node,
    name: `${prefix}/${node.name}`,
    inputs: node.inputs.map(rename),
    outputs: node.outputs.map(rename),
    attributes: Object.fromEntries(Object.entries(node.attributes).map(([name, attribute]) => [name, renamedInside(attribute)])),
  };
}

function renamedGraph(graph: Graph, prefix: string, outer: (name: string) => string, fresh: FreshNames): Graph {
  const rename = renaming(givenBy(graph), new Map(), prefix, fresh, outer);
  return {
    ...graph,
    inputs: graph.inputs.map((value) => ({ ...value, name: rename(value.name) })),
    outputs: graph.outputs.map((value) => ({ ...value, name: rename(value.name) })),
    initializers: new Map(Array.from(graph.initializers, ([name, tensor]) => [rename(name), tensor])),
    nodes: graph.nodes.map((node) => renamedNode(node, prefix, rename, fresh)),
  };
}

/** How much there is to copy: nodes and the names that they mention, in subgraphs too. */
export function copySize(nodes: readonly Node[]): number {
  return nodes.reduce((total, { inputs, outputs, attributes }) => {
    const inside = subgraphs(attributes).reduce((sum, graph) => sum + graph.initializers.size + copySize(graph.nodes), 0);
    return total + 1 + inputs.length + outputs.length + inside;
  }, 0);
}

export function tooManyCopies(): LimbeckError {
  return new LimbeckError("The model's functions and loops would make more nodes than any real model has.");
}

/** `to` = `from`. */
export function identity(from: string, to: string): Node {
  return { op: "Identity", domain: "", name: to, inputs: [from], outputs: [to], attributes: {} };
}
