import { type Graph, type Node, takenBy, type Value } from "../graph/graph.ts";

/** Operators that only lay a value out otherwise, or scale it. */
const LAYING_OUT = new Set(["Cast", "Dropout", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"]);
const SCALING = new Set(["Mul", "Div"]);

/**
 * What an attention is computed from, by what it is called: `scores` before the softmax (with the mask, where that is added), and `query`,
 * `key` and `value` [B, T, D], before they are shared out among heads. What can't be told is left out.
 *
 * @param probabilities Name of the attention's softmax.
 * @param values Every value that depends on an input, by name.
 */
export function attentionParts(graph: Graph, probabilities: string, values: ReadonlyMap<string, Value>): readonly [string, string][] {
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const scores = producers.get(probabilities)?.inputs[0];
  const product = scores && productBehind(scores);
  const mixing = productOf(graph, probabilities);
  const parts = {
    scores,
    query: product && tokensBehind(product.inputs[0]),
    key: product && tokensBehind(product.inputs[1]),
    value: mixing && tokensBehind(mixing.inputs[1]),
  };
  return Object.entries(parts).flatMap(([part, name]): [string, string][] => (name && values.has(name) ? [[part, name]] : []));

  /** The product of queries and keys, before scaling and masks. */
  function productBehind(name: string): Node | undefined {
    const node = producers.get(name);
    if (!node || node.op === "MatMul") return node;
    if (!LAYING_OUT.has(node.op) && !SCALING.has(node.op) && node.op !== "Add" && node.op !== "Where") return undefined;
    return node.inputs.flatMap((input) => productBehind(input) ?? [])[0];
  }

  /** The first value [B, T, D] on the way back. */
  function tokensBehind(name: string | undefined): string | undefined {
    const value = name === undefined ? undefined : values.get(name);
    if (!value || name === undefined) return undefined;
    const node = producers.get(name);
    if (value.shape.length === 3 && node && !LAYING_OUT.has(node.op) && !SCALING.has(node.op)) return name;
    if (!node || !(LAYING_OUT.has(node.op) || SCALING.has(node.op))) return undefined;
    return node.inputs.flatMap((input) => tokensBehind(input) ?? [])[0];
  }
}

/** The product that takes a value, directly or laid out otherwise. */
function productOf(graph: Graph, name: string): Node | undefined {
  for (const node of graph.nodes) {
    if (!takenBy(node).includes(name)) continue;
    if (node.op === "MatMul") return node;
    const further = LAYING_OUT.has(node.op) || node.op === "Where" ? productOf(graph, node.outputs[0] as string) : undefined;
    if (further) return further;
  }
  return undefined;
}
