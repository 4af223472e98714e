import { intAttribute } from "../../attributes.ts";
import { normalizeAxis, required } from "../../shapes/rule.ts";
import { allOutputs, type BatchRule, broadcastSamples, ofFirstInput } from "./rule.ts";

/** Each element of the result from one element of each operand, which broadcast. */
const elementwise: BatchRule = (context) => {
  const { inputs, fromEnd, samples } = broadcastSamples(context);
  const rank = Math.max(...context.inputs.map((input) => input?.shape.length ?? 0));
  return allOutputs(context, { ...samples, axis: rank - fromEnd }, { inputs });
};

/** A scale and a zero point for all elements, or for each along an axis that is not the batch's. */
const quantization: BatchRule = (context) => {
  const samples = ofFirstInput(context);
  const isPerAxis = required(context, 1).shape.length > 0;
  if (isPerAxis && normalizeAxis(context, intAttribute(context.node, "axis", 1), required(context, 0).shape.length) === samples.axis)
    throw context.refusal("it has a scale for each sample");
  return allOutputs(context, samples);
};

const operators = [
  ...["Abs", "Neg", "Sign", "Floor", "Ceil", "Round", "Identity", "Not", "BitwiseNot", "Cast", "CastLike", "IsNaN", "IsInf"],
  ...["Exp", "Log", "Sqrt", "Reciprocal", "Erf", "Pow", "Clip", "Dropout"],
  ...["Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Tanh", "Asinh", "Acosh", "Atanh"],
  ...["Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "Celu", "ThresholdedRelu", "Shrink"],
  ...["Sigmoid", "HardSigmoid", "HardSwish", "Softplus", "Softsign", "Mish", "Gelu"],
  ...["Add", "Sub", "Mul", "Div", "And", "Or", "Xor", "Mod", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor"],
  ...["Max", "Min", "Sum", "Mean", "Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Where"],
  ...["Gelu", "FastGelu", "QuickGelu", "BiasGelu"].map((op) => `com.microsoft:${op}`),
];

export const elementwiseRules: Readonly<Record<string, BatchRule>> = {
  ...Object.fromEntries(operators.map((op) => [op, elementwise])),
  DequantizeLinear: quantization,
  QuantizeLinear: quantization,
};
