import { int, intAttribute, without } from "../../attributes.ts";
import { int64 } from "../../tensor.ts";
import { asInput, onRows, type Step, type Steps } from "./step.ts";

/** Before opset 13 the axes from `axis` on were taken as one. */
const overRemainingAxes: Step = (node, context) => {
  const axis = intAttribute(node, "axis", 1);
  const along = (only: number) => ({ ...node.attributes, axis: int(only) });
  const taken = context.shapeOf(node.inputs[0])?.slice(axis);
  if (axis === -1 || taken?.length === 1) return { ...node, attributes: along(-1) };
  if (taken?.slice(1).every((size) => size === 1)) return { ...node, attributes: along(axis) };
  return onRows(node, axis, (rows) => context.emit(node.op, [rows], along(-1)), context);
};

const axisAsInput: Step = (node, { store }) => {
  const [x = "", length = ""] = node.inputs;
  const axis = store("axis", int64([intAttribute(node, "axis", 1)], []));
  return { ...node, inputs: [x, length, axis], attributes: without(node.attributes, "axis") };
};

export const reductionSteps: Steps = {
  DFT: { 20: axisAsInput },
  Hardmax: { 13: overRemainingAxes },
  LogSoftmax: { 13: overRemainingAxes },
  ReduceL1: { 18: asInput("axes") },
  ReduceL2: { 18: asInput("axes") },
  ReduceLogSum: { 18: asInput("axes") },
  ReduceLogSumExp: { 18: asInput("axes") },
  ReduceMax: { 18: asInput("axes") },
  ReduceMean: { 18: asInput("axes") },
  ReduceMin: { 18: asInput("axes") },
  ReduceProd: { 18: asInput("axes") },
  ReduceSum: { 13: asInput("axes") },
  ReduceSumSquare: { 18: asInput("axes") },
  Softmax: { 13: overRemainingAxes },
};
