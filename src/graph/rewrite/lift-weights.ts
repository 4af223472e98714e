import { constantTensor } from "../attributes.ts";
import type { Graph, Node } from "../graph.ts";
import type { Tensor } from "../tensor.ts";
import { isWeight } from "../weights.ts";

/** Inputs where an operator takes its weights. */
const weightInputs: Readonly<Record<string, readonly number[]>> = {
  BatchNormalization: [1, 2, 3, 4],
  Conv: [1, 2],
  ConvTranspose: [1, 2],
  Gather: [0],
  Gemm: [1, 2],
  GroupNormalization: [1, 2],
  GRU: [1, 2, 3],
  InstanceNormalization: [1, 2],
  LayerNormalization: [1, 2],
  LSTM: [1, 2, 3, 7],
  MatMul: [0, 1],
  PRelu: [1],
  RNN: [1, 2, 3],
};

/** The graph with weights that some exporters write as Constant nodes among its initialisers. Names stay. */
export function liftWeights(graph: Graph): Graph {
  const used = new Set(
    graph.nodes.flatMap(({ op, domain, inputs }) => (domain === "" ? (weightInputs[op] ?? []).map((index) => inputs[index]) : [])),
  );
  const weightOf = (node: Node): Tensor | undefined => {
    const tensor = used.has(node.outputs[0]) ? constantTensor(node) : undefined;
    return tensor && isWeight(tensor) ? tensor : undefined;
  };
  const lifted = graph.nodes.flatMap((node): [string, Tensor][] => {
    const tensor = weightOf(node);
    return tensor ? [[node.outputs[0] as string, tensor]] : [];
  });
  if (lifted.length === 0) return graph;
  const names = new Set(lifted.map(([name]) => name));
  return {
    ...graph,
    nodes: graph.nodes.filter(({ outputs }) => !names.has(outputs[0] as string)),
    initializers: new Map([...graph.initializers, ...lifted]),
  };
}
