import { intAttribute, ints, intsAttribute, stringAttribute } from "../../attributes.ts";
import { constantNumbers, normalizeAxis, required } from "../../shapes/rule.ts";
import { int64 } from "../../tensor.ts";
import { alike, allOutputs, type BatchContext, type BatchRule, ofFirstInput, type Samples } from "./rule.ts";

function firstAxis(context: BatchContext, samples: Samples): Samples {
  if (samples.axis !== 0) throw context.refusal("it holds the samples along another axis than the first");
  return samples;
}

/** [N, C, ...] => [N, ...]. */
const images: BatchRule = (context) => allOutputs(context, firstAxis(context, ofFirstInput(context)));

/** Where a maximum was found, the second output, is counted over the whole batch. */
const maxPool: BatchRule = (context) => {
  if (context.isUsed(1)) throw context.refusal("its indices count the elements of all samples");
  return images(context);
};

const batchNormalization: BatchRule = (context) => {
  if (intAttribute(context.node, "training_mode", 0)) throw context.refusal("it normalises over the batch");
  return images(context);
};

/** [N, C, H, W] and [N, H', W', 2] => [N, C, H', W']. */
const gridSample: BatchRule = (context) => {
  const samples = firstAxis(context, context.samples(0) ?? (context.samples(1) as Samples));
  const other = context.samples(1) ?? samples;
  if (!alike(firstAxis(context, other), samples)) throw context.refusal("its inputs hold different batches");
  const inputs = context.node.inputs.map((name, index) => (context.samples(index) ? name : context.repeated(index, samples)));
  return allOutputs(context, samples, { inputs });
};

/** Sizes are given for all axes but that of the samples. */
const resize: BatchRule = (context) => {
  const samples = ofFirstInput(context);
  const { node } = context;
  const rank = required(context, 0).shape.length;
  if (stringAttribute(node, "coordinate_transformation_mode", "half_pixel") === "tf_crop_and_resize") throw context.refusal("it crops");
  if (stringAttribute(node, "keep_aspect_ratio_policy", "stretch") !== "stretch")
    throw context.refusal("it keeps the aspect ratio of all axes");
  const axes = (intsAttribute(node, "axes") ?? Array.from({ length: rank }, (_, axis) => axis)).map((axis) =>
    normalizeAxis(context, axis, rank),
  );
  const place = axes.indexOf(samples.axis);
  if (place < 0) return allOutputs(context, samples);
  const [x = "", roi = "", scales = ""] = node.inputs;
  if (!context.inputs[3]) {
    if (constantNumbers(context, 2)?.[place] !== 1) throw context.refusal("it changes the number of samples");
    return allOutputs(context, samples);
  }
  const sizes = constantNumbers(context, 3) ?? [];
  if (sizes[place] !== required(context, 0).shape[samples.axis]) throw context.refusal("it changes the number of samples");
  const kept = sizes.filter((_, index) => index !== place);
  return allOutputs(context, samples, {
    inputs: [x, roi, scales, context.store("sizes", int64(kept))],
    attributes: { ...node.attributes, axes: ints(axes.filter((axis) => axis !== samples.axis)) },
  });
};

export const spatialRules: Readonly<Record<string, BatchRule>> = {
  ...Object.fromEntries(
    ["AveragePool", "Conv", "ConvTranspose", "DepthToSpace", "GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool"].map((op) => [
      op,
      images,
    ]),
  ),
  ...Object.fromEntries(["GroupNormalization", "InstanceNormalization", "LRN", "LpPool", "SpaceToDepth"].map((op) => [op, images])),
  BatchNormalization: batchNormalization,
  GridSample: gridSample,
  MaxPool: maxPool,
  Resize: resize,
};
