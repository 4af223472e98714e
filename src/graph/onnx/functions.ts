import { LimbeckError } from "../../errors.ts";
import type { Attribute, Attributes, Graph, Node } from "../graph.ts";
import { describeNode } from "../graph.ts";
import { copySize, type FreshNames, freshNames, splice, tooManyCopies } from "../rewrite/splice.ts";
import { DEEPEST_GRAPH, MOST_COPIED } from "./limits.ts";

/** A function that a model defines for itself (ONNX `FunctionProto`): an operator that is a graph of others. */
export interface LocalFunction {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Its nodes, in a call with these attributes. */
  nodesFor(attributes: Attributes): readonly Node[];
}

/** Functions by `functionKey`. */
export type LocalFunctions = ReadonlyMap<string, LocalFunction>;

export function functionKey({ domain, op }: Pick<Node, "domain" | "op">): string {
  return `${domain}:${op}`;
}

/**
 * The graph with each call of a function replaced by the function's nodes; calls within functions and within subgraphs too. Values inside a
 * function are named after the node that calls it.
 *
 * @throws LimbeckError when a function calls itself, is called with more inputs or outputs than it has, or takes what nothing gives.
 */
export function inlineFunctions(graph: Graph, functions: LocalFunctions, source: string): Graph {
  if (functions.size === 0) return graph;
  return inlinedGraph(graph, { functions, source, fresh: freshNames(graph), copied: { size: 0 }, calls: [], depth: 0 });
}

interface Inlining {
  readonly functions: LocalFunctions;
  readonly source: string;
  readonly fresh: FreshNames;
  /** How much has been copied, as `copySize` counts: a small file must not become an endless graph. */
  readonly copied: { size: number };
  /** The functions that are being inlined, from the outside in. */
  readonly calls: readonly string[];
  /** How many graphs and functions are around. */
  readonly depth: number;
}

function inlinedGraph(graph: Graph, inlining: Inlining): Graph {
  return { ...graph, nodes: inlinedNodes(graph.nodes, inlining) };
}

function inlinedNodes(nodes: readonly Node[], inlining: Inlining): Node[] {
  const { functions, source, depth } = inlining;
  if (depth > DEEPEST_GRAPH) throw new LimbeckError("Functions and graphs lie too deep within each other.", { where: source });
  return nodes.flatMap((node) => {
    const called = functions.get(functionKey(node));
    return called ? inlinedCall(node, called, inlining) : [withinSubgraphs(node, { ...inlining, depth: depth + 1 })];
  });
}

function withinSubgraphs(node: Node, inlining: Inlining): Node {
  const entries = Object.entries(node.attributes);
  if (entries.every(([, { kind }]) => kind !== "graph")) return node;
  const inside = (attribute: Attribute): Attribute =>
    attribute.kind === "graph" ? { kind: "graph", value: inlinedGraph(attribute.value, inlining) } : attribute;
  return { ...node, attributes: Object.fromEntries(entries.map(([name, attribute]) => [name, inside(attribute)])) };
}

function inlinedCall(call: Node, called: LocalFunction, inlining: Inlining): Node[] {
  const { source, fresh, copied, calls, depth } = inlining;
  const where = `${source}, node ${describeNode(call)}`;
  const key = functionKey(call);
  if (calls.includes(key)) throw new LimbeckError("A function of the model calls itself, directly or not.", { where });
  if (call.inputs.length > called.inputs.length || call.outputs.length > called.outputs.length)
    throw new LimbeckError("A function of the model is called with more inputs or outputs than it has.", { where });
  const nodes = called.nodesFor(call.attributes);
  copied.size += 1 + copySize(nodes);
  if (copied.size > MOST_COPIED) throw tooManyCopies();
  const inputs = new Map(called.inputs.map((name, index) => [name, call.inputs[index] ?? ""]));
  const outer = (name: string): string => {
    throw new LimbeckError(`A function of the model takes "${name}", which nothing in it gives.`, { where });
  };
  const place = { prefix: call.name, inputs, outputs: call.outputs, outer };
  const body = splice({ nodes, initializers: new Map(), outputs: called.outputs }, place, fresh);
  return inlinedNodes(body.nodes, { ...inlining, calls: [...calls, key], depth: depth + 1 });
}
