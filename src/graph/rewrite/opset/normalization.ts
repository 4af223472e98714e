import { floatAttribute, int, intAttribute, without } from "../../attributes.ts";
import { float32, int64 } from "../../tensor.ts";
import { onRows, type Step, type Steps } from "./step.ts";

/** Until opset 9 `spatial` = 0 meant statistics of each [C, H, W] element, not of each channel: the channels of a flattened input. */
const flattened: Step = (node, context) => {
  const [, ...parameters] = node.inputs;
  const attributes = without(node.attributes, "spatial");
  if (intAttribute(node, "spatial", 1) !== 0) return { ...node, attributes };
  if (node.outputs.slice(1).some(context.isUsed)) throw context.inexact("its statistics are of each element, not of each channel");
  const flat = parameters.map((name) => context.emit("Reshape", [name, context.store("flat", int64([-1]))]));
  return onRows(node, 1, (rows) => context.emit("BatchNormalization", [rows, ...flat], attributes), context);
};

/** Until opset 14 it was in training mode if it had more than one output, and gave the batch's statistics too, saved for the gradient. */
const trainingMode: Step = (node, { isUsed, inexact }) => {
  const [y = "", mean = "", variance = "", ...saved] = node.outputs;
  if (saved.some(isUsed)) throw inexact("the batch's mean and variance, which it gave until opset 14, are used");
  if ([mean, variance, ...saved].every((name) => name === "")) return { ...node, outputs: [y] };
  return { ...node, outputs: [y, mean, variance], attributes: { ...node.attributes, training_mode: int(1) } };
};

/** Scale and bias: of each group until opset 21, of each channel since. */
const perChannel: Step = (node, { emit, store }) => {
  const [x = "", ...perGroup] = node.inputs;
  const channels = emit("Shape", [x], { start: int(1), end: int(2) });
  const channelsPerGroup = emit("Div", [channels, store("groups", int64([intAttribute(node, "num_groups", 1)]))]);
  const target = emit("Concat", [store("one", int64([1])), channelsPerGroup], { axis: int(0) });
  const repeated = (name: string) => {
    const column = emit("Reshape", [name, store("column", int64([-1, 1]))]);
    return emit("Reshape", [emit("Expand", [column, target]), store("flat", int64([-1]))]);
  };
  return { ...node, inputs: [x, ...perGroup.map(repeated)] };
};

/** Inactive, from opset 7 on, unless a third input says otherwise. What its mask then holds was left open until opset 12. */
const ratioAsInput: Step = (node, { store, isUsed, inexact }) => {
  if (isUsed(node.outputs[1])) throw inexact("its mask, which is used, had no meaning without training");
  const ratio = store("ratio", float32([floatAttribute(node, "ratio", 0.5)], []));
  return { ...node, inputs: [...node.inputs, ratio], outputs: node.outputs.slice(0, 1), attributes: without(node.attributes, "ratio") };
};

export const normalizationSteps: Steps = {
  BatchNormalization: { 9: flattened, 14: trainingMode },
  Dropout: { 12: ratioAsInput },
  GroupNormalization: { 21: perChannel },
};
