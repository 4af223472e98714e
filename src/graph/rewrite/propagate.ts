import { LimbeckError } from "../../errors.ts";
import { type Dim, describeNode, type Graph, type Node, type Value } from "../graph.ts";
import { inferOutputs } from "../shapes/infer.ts";
import type { ShapeContext, ValueType } from "../shapes/rule.ts";
import type { Tensor } from "../tensor.ts";
import { evaluate } from "./evaluate.ts";

/** What is known of a graph before it runs. */
export interface Known {
  /** Values whose type and shape are known, by name. */
  readonly values: ReadonlyMap<string, Value>;
  /** Values whose elements are known, by name: initialisers and what was computed from constants and shapes. */
  readonly constants: ReadonlyMap<string, Tensor>;
  /** Values whose elements are known but for symbolic sizes among them, by name. */
  readonly symbolic: ReadonlyMap<string, readonly Dim[]>;
  /** Why the outputs of a node are not among the values; the first comes first. */
  readonly problems: readonly LimbeckError[];
}

/**
 * Walks the graph in order, inferring types and shapes and computing what depends on constants and shapes only.
 *
 * @param isWorth Whether to compute this output of this node; called before its memory is taken.
 * @param variable Names of initialisers whose elements are not to be relied on.
 */
export function propagate(
  graph: Graph,
  isWorth: (node: Node, output: ValueType) => boolean,
  variable: ReadonlySet<string> = new Set(),
): Known {
  const known = propagation(graph, isWorth, variable);
  for (const node of graph.nodes) known.visit(node);
  return known;
}

/** What is known of a graph as far as its nodes were visited. */
export interface Propagation extends Known {
  /** Nodes are visited in topological order; rewrites visit what they put in a node's place. */
  visit(node: Node): void;
  /** A tensor that is not among the graph's initialisers. */
  store(name: string, tensor: Tensor): void;
}

/** `propagate`, a node at a time; nothing but the graph's inputs and initialisers is known yet. */
export function propagation(
  graph: Graph,
  isWorth: (node: Node, output: ValueType) => boolean,
  variable: ReadonlySet<string> = new Set(),
): Propagation {
  const values = new Map(graph.inputs.map((input) => [input.name, input]));
  const constants = new Map(Array.from(graph.initializers).filter(([name]) => !variable.has(name)));
  const symbolic = new Map<string, readonly Dim[]>();
  const problems: LimbeckError[] = [];
  for (const [name, { type, shape }] of graph.initializers) values.set(name, { name, type, shape });
  const visit = (node: Node): void => {
    const context: ShapeContext = {
      node,
      opset: graph.opsets[node.domain] ?? 1,
      inputs: node.inputs.map((name) => values.get(name)),
      constant: (index) => constants.get(node.inputs[index] ?? ""),
      symbolic: (index) => symbolic.get(node.inputs[index] ?? ""),
    };
    const types = inferred(context, problems) ?? [];
    const elements = evaluate(context, types.slice(0, node.outputs.length), (output) => isWorth(node, output));
    node.outputs.forEach((name, index) => {
      const [type, known] = [types[index], elements[index]];
      if (name === "" || !type) return;
      values.set(name, { name, ...type });
      if (known?.constant) constants.set(name, known.constant);
      if (known?.symbolic) symbolic.set(name, known.symbolic);
    });
  };
  const store = (name: string, tensor: Tensor): void => {
    values.set(name, { name, type: tensor.type, shape: tensor.shape });
    constants.set(name, tensor);
  };
  return { values, constants, symbolic, problems, visit, store };
}

function inferred(context: ShapeContext, problems: LimbeckError[]): readonly ValueType[] | undefined {
  const { node, inputs } = context;
  try {
    const unknown = node.inputs.find((name, index) => name !== "" && !inputs[index]);
    if (unknown !== undefined) throw new LimbeckError(`${describeNode(node)} takes "${unknown}", whose shape is not known.`);
    return inferOutputs(context);
  } catch (error) {
    if (!(error instanceof LimbeckError)) throw error;
    problems.push(error);
    return undefined;
  }
}
