import { intAttribute, intsAttribute } from "../graph/attributes.ts";
import type { Node, Value } from "../graph/graph.ts";
import { elementCount } from "../graph/tensor.ts";

/** What one run of a node computes. */
export interface Work {
  /** Multiply-accumulates of convolutions, matrix products and recurrent layers; 0 for every other operator. */
  readonly macs: number;
  /** Floating-point operations; a multiply-accumulate is two. */
  readonly flops: number;
}

/** A node with the types of what it takes and gives; `undefined` where an input is left out. */
export interface TypedNode {
  readonly node: Node;
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: readonly Value[];
}

/** Elements of a value, all of whose sizes are known. */
export function sizeOf(value: Value | undefined): number {
  return value ? elementCount(value.shape.map(Number)) : 0;
}

const shapeOf = (value: Value | undefined): readonly number[] => value?.shape.map(Number) ?? [];

/** Each step of each sample multiplies all weights: X is [steps, batch, inputs], W [directions, gates · units, inputs], R like it. */
function recurrent({ inputs }: TypedNode): number {
  const [steps = 1, batch = 1] = shapeOf(inputs[0]);
  return steps * batch * (sizeOf(inputs[1]) + sizeOf(inputs[2]));
}

/** Multiply-accumulates by operator. */
const products: Readonly<Record<string, (typed: TypedNode) => number>> = {
  // Every output element sums over the input channels of its group and the kernel's area: the weight is [M, C/group, ...kernel].
  Conv: ({ inputs, outputs }) => sizeOf(outputs[0]) * elementCount(shapeOf(inputs[1]).slice(1)),
  // Every input element spreads over the output channels of its group and the kernel's area: the weight is [C, M/group, ...kernel].
  ConvTranspose: ({ inputs }) => sizeOf(inputs[0]) * elementCount(shapeOf(inputs[1]).slice(1)),
  MatMul: ({ inputs, outputs }) => sizeOf(outputs[0]) * (shapeOf(inputs[0]).at(-1) ?? 1),
  FusedMatMul: ({ node, inputs, outputs }) => sizeOf(outputs[0]) * (shapeOf(inputs[0]).at(intAttribute(node, "transA", 0) ? -2 : -1) ?? 1),
  Gemm: ({ node, inputs, outputs }) => sizeOf(outputs[0]) * (shapeOf(inputs[0]).at(intAttribute(node, "transA", 0) ? 0 : 1) ?? 1),
  LSTM: recurrent,
  GRU: recurrent,
  RNN: recurrent,
};

/** Operators that move, choose, cast or describe elements without arithmetic. */
const free = new Set([
  "Identity",
  "Dropout",
  "Cast",
  "Reshape",
  "Flatten",
  "Squeeze",
  "Unsqueeze",
  "Transpose",
  "Concat",
  "Split",
  "Slice",
  "Pad",
  "Gather",
  "GatherElements",
  "Expand",
  "Tile",
  "OneHot",
  "Shape",
  "Range",
  "ConstantOfShape",
  "Constant",
  "Where",
]);

/** Operations per element of the input. */
const perInput: Readonly<Record<string, number>> = {
  // Maximum, subtraction, exponential, sum, division.
  Softmax: 5,
  LogSoftmax: 5,
  // The statistics and the affine map of inference are one multiplication and one addition per element.
  BatchNormalization: 2,
  // Mean, difference, square, sum, and multiplication by 1/√(variance + ε), by the scale, plus the bias.
  LayerNormalization: 7,
  InstanceNormalization: 7,
  GroupNormalization: 7,
  GlobalAveragePool: 1,
  GlobalMaxPool: 1,
  ReduceSumSquare: 2,
  ReduceL1: 2,
  ReduceL2: 2,
  ReduceLogSumExp: 2,
  CumSum: 1,
  ArgMax: 1,
  ArgMin: 1,
};

/**
 * Work of one node, under one convention: convolutions, matrix products and recurrent layers by their multiply-accumulates (two operations each) plus one
 * addition per output element for a bias; pooling, one operation per element under the window; softmax, normalisations and reductions, the
 * operations of their textbook formula per input element, as listed above; every other operator, activations included, one operation per
 * output element (one for each operand after the first); moving and casting elements costs nothing.
 */
export function workOf(typed: TypedNode): Work {
  const { node, inputs, outputs } = typed;
  const macs = products[node.op]?.(typed);
  if (macs !== undefined) return { macs, flops: 2 * macs + (inputs[2] ? sizeOf(outputs[0]) : 0) };
  return { macs: 0, flops: otherFlops(typed) };
}

function otherFlops({ node, inputs, outputs }: TypedNode): number {
  if (free.has(node.op)) return 0;
  if (node.op === "MaxPool" || node.op === "AveragePool")
    return sizeOf(outputs[0]) * elementCount(intsAttribute(node, "kernel_shape") ?? []);
  if (node.op === "ScatterElements") return sizeOf(inputs[2]);
  const each = perInput[node.op] ?? (node.op.startsWith("Reduce") ? 1 : undefined);
  if (each !== undefined) return each * sizeOf(inputs[0]);
  const isVariadic = ["Sum", "Mean", "Max", "Min"].includes(node.op);
  return sizeOf(outputs[0]) * (isVariadic ? Math.max(1, inputs.length - 1) : 1);
}
