import { intAttribute } from "../../graph/attributes.ts";
import type { Value } from "../../graph/graph.ts";
import type { GradientRule, GradientRules } from "../rule.ts";

// y = softmax(x)  =>  dx = y·(dy - Σ dy·y)
const softmax: GradientRule = ({ g, node, outputs, grads }) => {
  const [y, dy] = [outputs[0], grads[0]] as [Value, Value];
  const axes = [intAttribute(node, "axis", -1)];
  return [g.mul(y, g.sub(dy, g.reduceSum(g.mul(dy, y), { axes, keepDims: true })))];
};

// y = log softmax(x)  =>  dx = dy - e^y·Σ dy
const logSoftmax: GradientRule = ({ g, node, outputs, grads }) => {
  const [y, dy] = [outputs[0], grads[0]] as [Value, Value];
  const axes = [intAttribute(node, "axis", -1)];
  return [g.sub(dy, g.mul(g.exp(y), g.reduceSum(dy, { axes, keepDims: true })))];
};

export const softmaxRules: GradientRules = {
  Softmax: softmax,
  LogSoftmax: logSoftmax,
  // Flat almost everywhere.
  Hardmax: () => [],
};
