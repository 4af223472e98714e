import { LimbeckError } from "../../errors.ts";
import { describeNode, type Graph, type Node, type Value } from "../graph.ts";
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
  /** Why the outputs of a node are not among the values; the first comes first. */
  readonly problems: readonly LimbeckError[];
}

/**
 * Walks the graph in order, inferring types and shapes and computing what depends on constants and static shapes only.
 *
 * @param isWorth Whether to compute this output of this node; called before its memory is taken.
 * @param variable Names of initialisers whose elements are not to be relied on.
 */
export function propagate(
  graph: Graph,
  isWorth: (node: Node, output: ValueType) => boolean,
  variable: ReadonlySet<string> = new Set(),
): Known {
  const values = new Map(graph.inputs.map((input) => [input.name, input]));
  const constants = new Map(Array.from(graph.initializers).filter(([name]) => !variable.has(name)));
  const problems: LimbeckError[] = [];
  for (const [name, { type, shape }] of graph.initializers) values.set(name, { name, type, shape });
  for (const node of graph.nodes) {
    const context: ShapeContext = {
      node,
      opset: graph.opsets[node.domain] ?? 1,
      inputs: node.inputs.map((name) => values.get(name)),
      constant: (index) => constants.get(node.inputs[index] ?? ""),
    };
    const types = inferred(context, problems);
    node.outputs.forEach((name, index) => {
      const type = types?.[index];
      if (name !== "" && type) values.set(name, { name, ...type });
    });
    const [output] = types ?? [];
    if (output && node.outputs.length === 1 && isWorth(node, output)) {
      const result = evaluate(context, output);
      if (result) constants.set(node.outputs[0] as string, result);
    }
  }
  return { values, constants, problems };
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
