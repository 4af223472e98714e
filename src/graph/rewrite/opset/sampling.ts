import { string, stringAttribute, without } from "../../attributes.ts";
import type { Node } from "../../graph.ts";
import { float32, toNumbers } from "../../tensor.ts";
import type { Step, Steps } from "./step.ts";

const scalesAsInput: Step = (node, { store, inexact }) => {
  const { scales } = node.attributes;
  if (scales?.kind !== "floats") throw inexact("it has no scales");
  return { ...node, inputs: [...node.inputs, store("scales", float32(scales.value))], attributes: without(node.attributes, "scales") };
};

/** Until opset 11 an output at i was read from the input at i / scale. */
const asymmetric = (node: Node, nearest: "floor" | "ceil"): Node => ({
  ...node,
  op: "Resize",
  inputs: [node.inputs[0] ?? "", "", node.inputs[1] ?? ""],
  attributes: { ...node.attributes, coordinate_transformation_mode: string("asymmetric"), nearest_mode: string(nearest) },
});

/**
 * Which neighbour is the nearest was left open until opset 11; ONNX Runtime took the one before in enlarging, the one after in shrinking.
 */
const resizeWithNeighbours: Step = (node, context) => {
  if (stringAttribute(node, "mode", "nearest") !== "nearest") return asymmetric(node, "floor");
  const scales = context.constantOf(node.inputs[1]);
  if (!scales) throw context.inexact("whether it enlarges or shrinks is not known before it runs");
  const factors = toNumbers(scales);
  if (factors.every((factor) => factor >= 1)) return asymmetric(node, "floor");
  if (factors.every((factor) => factor <= 1)) return asymmetric(node, "ceil");
  throw context.inexact("it enlarges along some axes and shrinks along others");
};

/** tf_half_pixel_for_nn was i -> (i + ½) / scale, which is ½ more than half_pixel; rounding that half up cuts the same off. */
const withoutHalfPixelForNearest: Step = (node, { inexact }) => {
  if (stringAttribute(node, "coordinate_transformation_mode", "half_pixel") !== "tf_half_pixel_for_nn") return node;
  const mode = stringAttribute(node, "mode", "nearest");
  const nearest = stringAttribute(node, "nearest_mode", "round_prefer_floor");
  if (mode !== "nearest" || nearest !== "floor")
    throw inexact(`tf_half_pixel_for_nn no longer exists, and with ${mode} ${nearest} has no equal`);
  const attributes = { coordinate_transformation_mode: string("half_pixel"), nearest_mode: string("round_prefer_ceil") };
  return { ...node, attributes: { ...node.attributes, ...attributes } };
};

const samplingModes: Readonly<Record<string, string>> = { bilinear: "linear", bicubic: "cubic" };

const renamedModes: Step = (node) => {
  const mode = stringAttribute(node, "mode", "bilinear");
  return { ...node, attributes: { ...node.attributes, mode: string(samplingModes[mode] ?? mode) } };
};

/** Opset 16 gave the choice, and another default. */
const outputHalfPixel: Step = (node) => ({
  ...node,
  attributes: { ...node.attributes, coordinate_transformation_mode: string("output_half_pixel") },
});

export const samplingSteps: Steps = {
  GridSample: { 20: renamedModes },
  Resize: { 11: resizeWithNeighbours, 13: withoutHalfPixelForNearest },
  RoiAlign: { 16: outputHalfPixel },
  // Upsample enlarges only. Opset 10 replaced it by a Resize that opset 11 changed again: one step for both.
  Upsample: { 9: scalesAsInput, 11: (node) => asymmetric(node, "floor") },
};
