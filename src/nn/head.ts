import { LimbeckError } from "../errors.ts";
import { intAttribute } from "../graph/attributes.ts";
import { type Graph, type Node, takenBy } from "../graph/graph.ts";
import { canonicalize } from "../graph/rewrite/canonicalize.ts";
import { type Float32Tensor, float32, zeros } from "../graph/tensor.ts";
import { randomFor } from "../random.ts";
import { lecunUniform } from "./initializers.ts";

/**
 * A classifier made to tell other classes apart: its last layer, linear or 1×1 convolution, is replaced by a freshly drawn one of that many
 * outputs; all other weights stay.
 *
 * @param seed Of the new weights.
 * @throws LimbeckError when the layer that gives the first output can't be told.
 */
export function headFor(model: Graph, classes: number, seed: number): Graph {
  const graph = canonicalize(model);
  const output = graph.outputs[0];
  const old = output?.shape[1];
  if (!output || typeof old !== "number") throw unknownHead(graph, "the number of its classes is not stated");
  const weights = headWeights(graph, output.name, old);
  const random = randomFor(seed, 0x4ead);
  const initializers = new Map(graph.initializers);
  for (const [name, axis] of weights) {
    const { shape } = graph.initializers.get(name) as Float32Tensor;
    const resized = shape.map((size, other) => (other === axis ? classes : size));
    initializers.set(name, resized.length === 1 ? zeros("float32", resized) : drawn(resized, axis));
  }
  const outputs = graph.outputs.map((value, index) => (index === 0 ? { ...value, shape: value.shape.with(1, classes) } : value));
  return { ...graph, initializers, outputs };

  function drawn(shape: readonly number[], axis: number): Float32Tensor {
    const others = shape.filter((_, other) => other !== axis);
    return float32(lecunUniform()([classes, ...others], random).data, shape);
  }
}

/** Operators that pass a classifier's answers on with their classes in place. */
const PASSING = new Set([
  "Add",
  "Flatten",
  "GlobalAveragePool",
  "Identity",
  "LogSoftmax",
  "ReduceMean",
  "Relu",
  "Reshape",
  "Sigmoid",
  "Softmax",
  "Squeeze",
]);

/** Names of the last layer's weights, each with the axis that counts the classes. */
function headWeights(graph: Graph, output: string, classes: number): ReadonlyMap<string, number> {
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const uses = new Map<string, number>();
  for (const name of graph.nodes.flatMap(takenBy)) uses.set(name, (uses.get(name) ?? 0) + 1);
  const weights = new Map<string, number>();
  /** Follows a weight back through a Transpose. @returns Whether it is one. */
  const take = (name: string | undefined, axis: number): boolean => {
    const producer = producers.get(name ?? "");
    if (producer?.op === "Transpose") return take(producer.inputs[0], 1 - axis);
    const tensor = graph.initializers.get(name ?? "");
    if (tensor?.type !== "float32" || tensor.shape[axis] !== classes) return false;
    if ((uses.get(name as string) ?? 0) > 1) throw unknownHead(graph, `the weight "${name}" of its last layer is used elsewhere too`);
    weights.set(name as string, axis);
    return true;
  };
  const isLayer = (node: Node): boolean => {
    if (node.op === "Gemm") {
      take(node.inputs[2], 0);
      return take(node.inputs[1], intAttribute(node, "transB", 0) ? 0 : 1);
    }
    if (node.op === "MatMul") return take(node.inputs[1], 1);
    if (node.op === "Conv") {
      take(node.inputs[2], 0);
      return take(node.inputs[1], 0);
    }
    return false;
  };
  for (let name: string | undefined = output; name !== undefined; ) {
    const node: Node | undefined = producers.get(name);
    if (node && isLayer(node)) return weights;
    if (node?.domain !== "" || !PASSING.has(node.op))
      throw unknownHead(graph, `it ends in ${node ? `${node.op} "${node.name}"` : "an input"}`);
    const inputs = node.inputs.filter((input) => !take(input, 0));
    name = inputs[0];
  }
  throw unknownHead(graph, "it has no last layer with weights");
}

function unknownHead(graph: Graph, why: string): LimbeckError {
  return new LimbeckError(`The classifier of "${graph.name}" can't be replaced: ${why}.`, {
    hint: "The model must end in a linear layer or a 1×1 convolution of its own.",
  });
}
