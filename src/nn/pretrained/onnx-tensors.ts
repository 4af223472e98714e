import type { Graph, Node } from "../../graph/graph.ts";
import { type Float32Tensor, float32, type Tensor, toNumbers } from "../../graph/tensor.ts";

/**
 * The weights in an ONNX file that was exported from PyTorch, by the names of its `state_dict`.
 *
 * Exporters keep the names of all weights but those that they transpose, the matrices of linear layers; such a matrix is found by the bias
 * that is added after it: what `query.bias` is added to is a product with `query.weight`. Weights that ONNX Runtime has quantised, matrices
 * to 8 bits with a scale for each column or for all, come back as float32.
 */
export function tensorsOfOnnx(graph: Graph): ReadonlyMap<string, Tensor> {
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const tensors = new Map<string, Tensor>();
  for (const [name, tensor] of graph.initializers) if (isFloat(tensor) && PARAMETER.test(name)) tensors.set(name, tensor);
  for (const name of graph.initializers.keys()) {
    const own = name.replace(QUANTIZED, "");
    const tensor = own !== name && PARAMETER.test(own) ? dequantized(graph, name) : undefined;
    if (tensor) tensors.set(own, tensor);
  }
  for (const node of graph.nodes) {
    if (node.op !== "Add") continue;
    const bias = node.inputs.find((name) => name.endsWith(BIAS) && graph.initializers.has(name));
    const sum = node.inputs.find((name) => name !== bias);
    const matrix = bias && sum ? matrixOf(graph, producers, sum) : undefined;
    if (bias && matrix) tensors.set(`${bias.slice(0, -BIAS.length)}.weight`, transposed(matrix));
  }
  return tensors;
}

const BIAS = ".bias";
const PARAMETER = /\.(weight|bias|gamma|beta)$/;
/** What ONNX Runtime's tools add to the name of a weight, and to those of its scale and zero point. */
const QUANTIZED = /_quantized$/;

const isFloat = ({ type }: Tensor): boolean => ["float32", "float16", "bfloat16", "float64"].includes(type);

/** The matrix [inputs, outputs] that a value is a product with. */
function matrixOf(graph: Graph, producers: ReadonlyMap<string, Node>, name: string): Tensor | undefined {
  const node = producers.get(name);
  const [first = "", second = ""] = node?.inputs ?? [];
  if (node?.op === "MatMul") {
    const own = graph.initializers.get(second);
    return own && isFloat(own) && own.shape.length === 2 ? own : undefined;
  }
  // What quantisation makes of it: the product of integers, as floats, times both scales.
  const cast = node?.op === "Mul" ? [first, second].map((input) => producers.get(input)).find((giver) => giver?.op === "Cast") : undefined;
  const product = producers.get(cast?.inputs[0] ?? "");
  return product?.op === "MatMulInteger" ? dequantized(graph, product.inputs[1] ?? "") : undefined;
}

/** (q − zero point)·scale, one of each for the tensor or for a column, where ONNX Runtime's names tell scale and zero point. */
function dequantized(graph: Graph, name: string): Float32Tensor | undefined {
  const part = (ending: string) => graph.initializers.get(name.replace(QUANTIZED, ending));
  const [stored, scale, zero] = [graph.initializers.get(name), part("_scale"), part("_zero_point")];
  if (!QUANTIZED.test(name) || (stored?.type !== "int8" && stored?.type !== "uint8") || scale?.type !== "float32") return undefined;
  const columns = stored.shape.at(-1) ?? 1;
  const scales = toNumbers(scale);
  const zeros = zero ? toNumbers(zero) : [0];
  if (![1, columns].includes(scales.length) || ![1, columns].includes(zeros.length)) return undefined;
  const values = stored.data as Int8Array | Uint8Array;
  const data = new Float32Array(values.length);
  for (let column = 0; column < columns; column++) {
    const [factor, offset] = [scales, zeros].map((all) => all[all.length === 1 ? 0 : column]) as [number, number];
    for (let index = column; index < data.length; index += columns) data[index] = ((values[index] as number) - offset) * factor;
  }
  return float32(data, stored.shape);
}

function transposed(matrix: Tensor): Tensor {
  const [rows = 0, columns = 0] = matrix.shape;
  const data = matrix.data as Float32Array;
  const turned = data.slice();
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) turned[column * rows + row] = data[row * columns + column] as number;
  }
  return { ...matrix, shape: [columns, rows], data: turned };
}
