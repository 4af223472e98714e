import { constantTensor } from "../attributes.ts";
import type { Graph } from "../graph.ts";
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

/** Those whose inputs 1 and 2, scale and bias, exporters fill with ones and zeros where the network normalises without. */
const normalizations = new Set(["BatchNormalization", "GroupNormalization", "InstanceNormalization", "LayerNormalization"]);

/** The graph with weights that some exporters write as Constant nodes among its initialisers. Names stay. */
export function liftWeights(graph: Graph): Graph {
  const constants = new Map(graph.nodes.map((node) => [node.outputs[0], constantTensor(node)]));
  const lifted = new Map<string, Tensor>();
  for (const { op, domain, inputs } of graph.nodes) {
    for (const index of (domain === "" && weightInputs[op]) || []) {
      const name = inputs[index] ?? "";
      const tensor = constants.get(name);
      if (tensor && isWeight(tensor) && !(normalizations.has(op) && index <= 2 && isUniform(tensor))) lifted.set(name, tensor);
    }
  }
  if (lifted.size === 0) return graph;
  return {
    ...graph,
    nodes: graph.nodes.filter(({ outputs }) => !lifted.has(outputs[0] ?? "")),
    initializers: new Map([...graph.initializers, ...lifted]),
  };
}

function isUniform({ data }: Tensor): boolean {
  return Array.prototype.every.call(data, (element) => element === data[0]);
}
