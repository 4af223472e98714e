import { intAttribute } from "../attributes.ts";
import type { Dim, Shape, Value } from "../graph.ts";
import { quantizedForm } from "./quantization.ts";
import { broadcastShapes, invalid, required, type ShapeContext, type ShapeRule } from "./rule.ts";

const swapLast = (shape: Shape): Shape => [...shape.slice(0, -2), shape.at(-1) as Dim, shape.at(-2) as Dim];

function product(context: ShapeContext, a: Shape, b: Shape): Shape {
  if (a.length === 0 || b.length === 0) throw invalid(context, "a scalar has no matrix product");
  const left = a.length === 1 ? [1, ...a] : a;
  const right = b.length === 1 ? [...b, 1] : b;
  const [inner, other] = [left.at(-1) as Dim, right.at(-2) as Dim];
  const batch = broadcastShapes([left.slice(0, -2), right.slice(0, -2)]);
  if (!batch) throw invalid(context, "the batch dimensions do not broadcast");
  if (inner !== other && typeof inner === "number" && typeof other === "number")
    throw invalid(context, `${inner} columns meet ${other} rows`);
  return [...batch, ...(a.length === 1 ? [] : [left.at(-2) as Dim]), ...(b.length === 1 ? [] : [right.at(-1) as Dim])];
}

const sharedType = (context: ShapeContext, a: Value, b: Value) => {
  if (a.type !== b.type) throw invalid(context, "the element types differ");
  return a.type;
};

const matMul: ShapeRule = (context) => {
  const [a, b] = [required(context, 0), required(context, 1)];
  return [{ type: sharedType(context, a, b), shape: product(context, a.shape, b.shape) }];
};

/** com.microsoft FusedMatMul: MatMul with transposed operands and a factor. */
const fusedMatMul: ShapeRule = (context) => {
  const [a, b] = [required(context, 0), required(context, 1)];
  const left = intAttribute(context.node, "transA", 0) ? swapLast(a.shape) : a.shape;
  const right = intAttribute(context.node, "transB", 0) ? swapLast(b.shape) : b.shape;
  return [{ type: sharedType(context, a, b), shape: product(context, left, right) }];
};

const gemm: ShapeRule = (context) => {
  const [a, b] = [required(context, 0), required(context, 1)];
  if (a.shape.length !== 2 || b.shape.length !== 2) throw invalid(context, "it multiplies matrices only");
  const left = intAttribute(context.node, "transA", 0) ? swapLast(a.shape) : a.shape;
  const right = intAttribute(context.node, "transB", 0) ? swapLast(b.shape) : b.shape;
  const shape = product(context, left, right);
  const bias = context.inputs[2];
  if (bias && broadcastShapes([shape, bias.shape])?.join() !== shape.join())
    throw invalid(context, "the bias does not broadcast to the product");
  return [{ type: sharedType(context, a, b), shape }];
};

const determinant: ShapeRule = (context) => {
  const { type, shape } = required(context, 0);
  const [rows, columns] = shape.slice(-2);
  if (shape.length < 2 || (typeof rows === "number" && typeof columns === "number" && rows !== columns))
    throw invalid(context, "it takes square matrices");
  return [{ type, shape: shape.slice(0, -2) }];
};

export const linearShapes: Readonly<Record<string, ShapeRule>> = {
  MatMul: matMul,
  Gemm: gemm,
  Det: determinant,
  MatMulInteger: quantizedForm(matMul, [0, 1], () => "int32"),
  QLinearMatMul: quantizedForm(matMul, [0, 3], (context) => required(context, 7).type),
  "com.microsoft:FusedMatMul": fusedMatMul,
  "com.microsoft:FusedGemm": gemm,
};
