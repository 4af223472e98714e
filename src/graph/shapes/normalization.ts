import { intAttribute } from "../attributes.ts";
import type { Dim } from "../graph.ts";
import { invalid, likeInput, normalizeAxis, required, type ShapeRule } from "./rule.ts";

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

/** The result, then mean and 1/deviation over the axes normalised; for a root mean square no mean. */
const layerNormalization =
  (statistics: number): ShapeRule =>
  (context) => {
    const x = required(context, 0);
    required(context, 1);
    const axis = normalizeAxis(context, intAttribute(context.node, "axis", -1), x.shape.length);
    const statistic = { type: "float32" as const, shape: x.shape.map((size, index) => (index < axis ? size : 1)) };
    return [{ type: x.type, shape: x.shape }, ...new Array<typeof statistic>(statistics).fill(statistic)];
  };

/** Normalises each channel of x [N, C, ...] on its own, or groups of them. */
const channelNormalization: ShapeRule = (context) => {
  const x = required(context, 0);
  required(context, 1);
  required(context, 2);
  if (x.shape.length < 2) throw invalid(context, "it needs a channel axis");
  return likeInput(context);
};

/** com.microsoft: normalises x + skip (+ bias), which is the fourth output. */
const skipNormalization: ShapeRule = (context) => {
  const x = required(context, 0);
  required(context, 1);
  const statistic = { type: "float32" as const, shape: [...x.shape.slice(0, -1), 1] };
  return [{ type: x.type, shape: x.shape }, statistic, statistic, { type: x.type, shape: x.shape }];
};

/** com.microsoft: ids [N, S] to embeddings [N, S, hidden], the lengths of the sequences, and the sum before it was normalised. */
const embedNormalization: ShapeRule = (context) => {
  const [ids, words] = [required(context, 0), required(context, 2)];
  if (ids.shape.length !== 2 || words.shape.length !== 2) throw invalid(context, "it takes ids [N, S] and word embeddings [words, hidden]");
  const embedded = { type: words.type, shape: [...ids.shape, words.shape[1] as Dim] };
  return [embedded, { type: "int32", shape: [ids.shape[0] as Dim] }, embedded];
};

export const normalizationShapes: Readonly<Record<string, ShapeRule>> = {
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization(2),
  // What ONNX Runtime's optimiser calls the next one, in ONNX's own domain.
  SimplifiedLayerNormalization: layerNormalization(1),
  RMSNormalization: layerNormalization(0),
  InstanceNormalization: channelNormalization,
  GroupNormalization: channelNormalization,
  LRN: likeInput,
  LpNormalization: likeInput,
  MeanVarianceNormalization: likeInput,
  "com.microsoft:SkipLayerNormalization": skipNormalization,
  "com.microsoft:SkipSimplifiedLayerNormalization": skipNormalization,
  "com.microsoft:EmbedLayerNormalization": embedNormalization,
};
