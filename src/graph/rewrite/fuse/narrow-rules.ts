import { intAttribute, intsAttribute } from "../../attributes.ts";
import type { Dim, Node, Shape } from "../../graph.ts";
import { multiply } from "../../shapes/symbolic.ts";

/** A node as seen from the one output that is to keep a single place along one axis. */
export interface NarrowContext {
  readonly node: Node;
  /** Of each input; `undefined` where it is left out or its shape is not known. */
  readonly inputs: readonly (Shape | undefined)[];
  readonly output: Shape;
  /** The axis of the output, from 0. */
  readonly axis: number;
}

/**
 * The axis of each input along which the same place alone is needed; `undefined` for an input that is needed whole. No answer where the
 * places of the output don't come each from its own place of the input.
 */
export type NarrowRule = (context: NarrowContext) => readonly (number | undefined)[] | undefined;

/** Where an operand that broadcasts holds an axis of the result: nowhere, if it has but one place there. No answer if its size is not sure. */
function heldBy(shape: Shape | undefined, { output, axis }: NarrowContext): { readonly axis: number | undefined } | undefined {
  const own = axis - output.length + (shape?.length ?? 0);
  if (!shape || own < 0 || shape[own] === 1) return { axis: undefined };
  return shape[own] === output[axis] ? { axis: own } : undefined;
}

const elementwise: NarrowRule = (context) => {
  const held = context.inputs.map((shape) => heldBy(shape, context));
  return held.every((place) => place !== undefined) ? held.map(({ axis }) => axis) : undefined;
};

/** Rows of the left operand, and matrices of a stack. Columns of the right one are left alone: it may be a packed weight. */
const matMul: NarrowRule = (context) => {
  const { inputs, output, axis } = context;
  const [a, b] = inputs;
  if (!a || !b || a.length < 2 || b.length < 2) return undefined;
  const fromEnd = output.length - axis;
  if (fromEnd > 2) return elementwise(context);
  return fromEnd === 2 ? [a.length - 2, undefined] : undefined;
};

const gemm: NarrowRule = ({ node, inputs: [, , c], axis }) => {
  if (axis !== 0) return undefined;
  const bias = c && c.length === 2 && c[0] !== 1 ? 0 : undefined;
  return [intAttribute(node, "transA", 0) ? 1 : 0, undefined, bias];
};

/** Normalised over axes that don't include the one in question. */
const over = (axesOf: (node: Node, rank: number) => (axis: number) => boolean): NarrowRule => {
  return ({ node, inputs: [x], axis }) => (x && !axesOf(node, x.length)(axis) ? [axis] : undefined);
};
const fromFirst = (first: number, rank: number) => (axis: number) => axis >= (first < 0 ? first + rank : first);
const layerNormalization = over((node, rank) => fromFirst(intAttribute(node, "axis", -1), rank));
const softmax = over((node, rank) => (axis) => axis === (intAttribute(node, "axis", -1) + rank) % rank);

const transpose: NarrowRule = ({ node, output, axis }) => [
  (intsAttribute(node, "perm") ?? output.map((_, at) => output.length - 1 - at))[axis],
];

/** An axis that stands between the same elements before and after. */
const reshape: NarrowRule = ({ inputs: [x], output, axis }) => {
  const before = product(output.slice(0, axis));
  const own = x?.findIndex((size, index) => size === output[axis] && product(x.slice(0, index)) === before) ?? -1;
  return own < 0 ? undefined : [own];
};
const product = (shape: Shape): Dim => shape.reduce((total, size) => multiply(total, size), 1);

const elementwiseOperators = [
  ...["Abs", "Neg", "Sign", "Floor", "Ceil", "Round", "Identity", "Not", "Cast", "Dropout"],
  ...["Exp", "Log", "Sqrt", "Reciprocal", "Erf", "Pow", "Clip", "Tanh", "Sigmoid", "HardSigmoid", "HardSwish"],
  ...["Relu", "LeakyRelu", "Elu", "Selu", "Softplus", "Softsign", "Mish", "Gelu"],
  ...["Add", "Sub", "Mul", "Div", "Max", "Min", "Where"],
];

/** By operator of ONNX's own domain. */
export const narrowRules: Readonly<Record<string, NarrowRule>> = {
  ...Object.fromEntries(elementwiseOperators.map((op) => [op, elementwise])),
  Gemm: gemm,
  LayerNormalization: layerNormalization,
  MatMul: matMul,
  Reshape: reshape,
  Softmax: softmax,
  Transpose: transpose,
};
