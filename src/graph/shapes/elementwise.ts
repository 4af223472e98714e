import { intAttribute } from "../attributes.ts";
import type { Value } from "../graph.ts";
import { elementTypeOfCode } from "../onnx/element-types.ts";
import { broadcast, invalid, likeInput, required, type ShapeContext, type ShapeRule, type ValueType } from "./rule.ts";

const like = (value: Value): ValueType => ({ type: value.type, shape: value.shape });

const test: ShapeRule = (context) => [{ type: "bool", shape: required(context, 0).shape }];

/** Of any number of operands. */
const variadic: ShapeRule = (context) => {
  const inputs = context.inputs.map((_, index) => required(context, index));
  return [{ type: sameType(context, inputs), shape: broadcast(context, inputs) }];
};

const binary =
  (outputType?: "bool"): ShapeRule =>
  (context) => {
    const operands = [required(context, 0), required(context, 1)];
    if (context.inputs.length > 2) throw invalid(context, "it takes two inputs");
    const type = sameType(context, operands);
    return [{ type: outputType ?? type, shape: broadcast(context, operands) }];
  };

function sameType(context: ShapeContext, inputs: readonly Value[]) {
  const [first] = inputs;
  if (!first) throw invalid(context, "it has no inputs");
  if (inputs.some((input) => input.type !== first.type)) throw invalid(context, "the element types differ");
  return first.type;
}

/** The exponent may be of another type. */
const pow: ShapeRule = (context) => {
  const [base, exponent] = [required(context, 0), required(context, 1)];
  return [{ type: base.type, shape: broadcast(context, [base, exponent]) }];
};

const where: ShapeRule = (context) => {
  const [condition, yes, no] = [required(context, 0), required(context, 1), required(context, 2)];
  if (condition.type !== "bool") throw invalid(context, "the condition must be bool");
  return [{ type: sameType(context, [yes, no]), shape: broadcast(context, [condition, yes, no]) }];
};

const cast: ShapeRule = (context) => [
  { type: elementTypeOfCode(intAttribute(context.node, "to", 0), context.node.name), shape: required(context, 0).shape },
];

/** Of the second input's type; of which nothing else counts. */
const castLike: ShapeRule = (context) => [{ type: required(context, 1).type, shape: required(context, 0).shape }];

/** Data, optional ratio and training flag; the mask has the data's shape. */
const dropout: ShapeRule = (context) => {
  const data = required(context, 0);
  return [like(data), { type: "bool", shape: data.shape }];
};

const unaryOperators = [
  ...["Abs", "Neg", "Sign", "Floor", "Ceil", "Round", "Identity", "Not", "BitwiseNot"],
  ...["Exp", "Log", "Sqrt", "Reciprocal", "Erf"],
  ...["Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Tanh", "Asinh", "Acosh", "Atanh"],
  ...["Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "Celu", "ThresholdedRelu", "Clip", "Shrink"],
  ...["Sigmoid", "HardSigmoid", "HardSwish", "Swish", "Softplus", "Softsign", "Mish", "Gelu"],
  ...["Softmax", "LogSoftmax", "Hardmax"],
];
const binaryOperators = ["Add", "Sub", "Mul", "Div", "And", "Or", "Xor", "Mod", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor"];
const variadicOperators = ["Max", "Min", "Sum", "Mean"];
const comparisons = ["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"];

export const elementwiseShapes: Readonly<Record<string, ShapeRule>> = {
  ...Object.fromEntries(unaryOperators.map((op) => [op, likeInput])),
  ...Object.fromEntries(binaryOperators.map((op) => [op, binary()])),
  ...Object.fromEntries(variadicOperators.map((op) => [op, variadic])),
  ...Object.fromEntries(comparisons.map((op) => [op, binary("bool")])),
  IsNaN: test,
  IsInf: test,
  Pow: pow,
  Where: where,
  Cast: cast,
  CastLike: castLike,
  Dropout: dropout,
  ...Object.fromEntries(["Gelu", "FastGelu", "QuickGelu", "BiasGelu"].map((op) => [`com.microsoft:${op}`, likeInput])),
};
