import type { ElementType, Tensor } from "./tensor.ts";

/** A size, or the name of one that is known only at run time: `"N"`. */
export type Dim = number | string;
export type Shape = readonly Dim[];

/** A tensor that flows through a graph: its unique name, element type and shape. */
export interface Value {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: Shape;
  /**
   * Set where a file doesn't state this value's shape, or neither type nor shape: what stands there then means nothing. Never of an input,
   * but of outputs that no shape rule could tell, and of what goes in and out of subgraphs.
   */
  readonly unstated?: "shape" | "type";
}

export type Attribute =
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "int"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "floats"; readonly value: readonly number[] }
  | { readonly kind: "ints"; readonly value: readonly number[] }
  | { readonly kind: "strings"; readonly value: readonly string[] }
  | { readonly kind: "tensor"; readonly value: Tensor }
  | { readonly kind: "graph"; readonly value: Graph };

export type Attributes = Readonly<Record<string, Attribute>>;

/** One operator application. An empty input or output name means "left out", as in ONNX. */
export interface Node {
  readonly op: string;
  /** "" is ONNX's own domain. */
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
}

/** An ONNX model as immutable data. Nodes are in topological order. Every rewrite is a function `Graph -> Graph`. */
export interface Graph {
  readonly name: string;
  /** Version of each operator set in use, by domain. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly nodes: readonly Node[];
  /** Constants and weights, by value name. */
  readonly initializers: ReadonlyMap<string, Tensor>;
  /** Free text carried in the file (ONNX `metadata_props`). */
  readonly metadata: Readonly<Record<string, string>>;
  /** What the file says of the values in between. */
  readonly valueInfo?: ValueInfo;
}

/**
 * Types and shapes of what nodes give, as a file states them (ONNX `value_info`). Nothing here relies on them, but what ONNX Runtime fuses
 * does, and so the last bits of what it computes. They hold for the parts of the graph that stand here too: a rewrite of any of these voids
 * them, without having to know.
 */
export interface ValueInfo extends Pick<Graph, "inputs" | "nodes" | "initializers"> {
  readonly values: readonly Value[];
}

/** The operator set that Limbeck writes. */
export const OPSET = 21;
/** Microsoft's operators, part of every stock ONNX Runtime build. */
export const MICROSOFT = "com.microsoft";
/** ONNX Runtime's operators on images in its CPU's own layout, where blocks of channels lie side by side for each pixel. */
export const BLOCKED = "com.microsoft.nchwc";

/** Names of the values a node takes: its inputs, and what its subgraphs take from around them. */
export function takenBy(node: Node): string[] {
  const captured = Object.values(node.attributes).flatMap((attribute) => (attribute.kind === "graph" ? capturedBy(attribute.value) : []));
  return [...node.inputs.filter((name) => name !== ""), ...captured];
}

function capturedBy(graph: Graph): string[] {
  const own = new Set(givenBy(graph));
  return [...graph.nodes.flatMap(takenBy), ...graph.outputs.map(({ name }) => name)].filter((name) => !own.has(name));
}

/** Names of the values that exist in a graph: its inputs, its initialisers and what its nodes give. */
export function givenBy(graph: Graph): string[] {
  return [
    ...graph.inputs.map(({ name }) => name),
    ...graph.initializers.keys(),
    ...graph.nodes.flatMap(({ outputs }) => outputs.filter((name) => name !== "")),
  ];
}

/** Names a node for an error message: `Conv "stem/Conv_0"`. */
export function describeNode(node: Pick<Node, "op" | "name" | "domain">): string {
  return `${node.domain ? `${node.domain}.` : ""}${node.op} "${node.name}"`;
}

/** `[N, 3, 32, 32]`, for messages. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}
