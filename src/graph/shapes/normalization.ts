import { intAttribute } from "../attributes.ts";
import { invalid, normalizeAxis, required, type ShapeRule } from "./rule.ts";

const batchNormalization: ShapeRule = (context) => {
  const [x, scale] = [required(context, 0), required(context, 1)];
  if (x.shape.length < 2) throw invalid(context, "it needs a channel axis");
  for (const index of [1, 2, 3, 4]) {
    const { shape } = required(context, index);
    if (shape.length !== 1 || (typeof x.shape[1] === "number" && shape[0] !== x.shape[1]))
      throw invalid(context, "scale, bias, mean and variance must have one entry per channel");
  }
  const output = { type: x.type, shape: x.shape };
  const statistics = { type: scale.type, shape: scale.shape };
  return intAttribute(context.node, "training_mode", 0) ? [output, statistics, statistics] : [output];
};

const layerNormalization: ShapeRule = (context) => {
  const x = required(context, 0);
  const axis = normalizeAxis(context, intAttribute(context.node, "axis", -1), x.shape.length);
  const statistics = { type: "float32" as const, shape: x.shape.map((size, index) => (index < axis ? size : 1)) };
  return [{ type: x.type, shape: x.shape }, statistics, statistics];
};

const likeInput: ShapeRule = (context) => {
  const x = required(context, 0);
  return [{ type: x.type, shape: x.shape }];
};

export const normalizationShapes: Readonly<Record<string, ShapeRule>> = {
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
  InstanceNormalization: likeInput,
  GroupNormalization: likeInput,
};
