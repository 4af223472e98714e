import { float, int, ints, string } from "../../src/graph/attributes.ts";
import type { GraphBuilder } from "../../src/graph/builder/builder.ts";
import { type Attributes, MICROSOFT, type Shape, type Value } from "../../src/graph/graph.ts";
import { codeOfElementType } from "../../src/graph/onnx/element-types.ts";
import { type ElementType, float32, int64, type Tensor, zeros } from "../../src/graph/tensor.ts";

/** A graph of one operator that the builder has no method for; N is 2, H 6, W 10, S 6 and P 4. */
export type ShapeCase = (g: GraphBuilder) => readonly Value[];

const input = (g: GraphBuilder, shape: Shape, type: ElementType = "float32"): Value => g.input(g.unique("x"), type, shape);
const emit = (
  g: GraphBuilder,
  op: string,
  inputs: readonly (Value | undefined)[],
  attributes: Attributes = {},
  outputs = 1,
): readonly Value[] => g.emit(op, inputs, { attributes, outputs });
const sizes = (g: GraphBuilder, ...numbers: readonly number[]): Value => g.constant(int64(numbers));
const weights = (g: GraphBuilder, ...shape: readonly number[]): Value => g.constant(zeros("float32", shape));
const bytes = (g: GraphBuilder, shape: readonly number[], type: ElementType = "uint8"): Value => g.constant(zeros(type, shape));
const image = (g: GraphBuilder, channels = 3): Value => input(g, ["N", channels, "H", "W"]);
const code = (type: ElementType) => int(codeOfElementType(type));

const unary =
  (op: string, attributes: Attributes = {}, type: ElementType = "float32"): ShapeCase =>
  (g) =>
    emit(g, op, [input(g, ["N", 4], type)], attributes);
const binary =
  (op: string, type: ElementType, attributes: Attributes = {}): ShapeCase =>
  (g) =>
    emit(g, op, [input(g, ["N", 1, 4], type), input(g, [3, 1], type)], attributes);

const elementwise: Record<string, ShapeCase> = {
  ...Object.fromEntries(["Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh"].map((op) => [op, unary(op)])),
  ...Object.fromEntries(["ThresholdedRelu", "Shrink", "Hardmax", "LpNormalization", "IsNaN", "IsInf"].map((op) => [op, unary(op)])),
  BitwiseNot: unary("BitwiseNot", {}, "int32"),
  Xor: binary("Xor", "bool"),
  Mod: binary("Mod", "float32", { fmod: int(1) }),
  BitwiseAnd: binary("BitwiseAnd", "int32"),
  BitwiseOr: binary("BitwiseOr", "int32"),
  BitShift: binary("BitShift", "uint32", { direction: string("LEFT") }),
  CastLike: (g) => emit(g, "CastLike", [input(g, ["N", 4], "int64"), input(g, [1])]),
  Bernoulli: unary("Bernoulli", { dtype: code("int64") }),
  RandomNormalLike: unary("RandomNormalLike", { dtype: code("float64") }),
  RandomUniformLike: unary("RandomUniformLike"),
  RandomNormal: (g) => emit(g, "RandomNormal", [], { shape: ints([2, 3]) }),
  EyeLike: (g) => emit(g, "EyeLike", [input(g, ["N", 5], "int32")], { dtype: code("float32") }),
  QuantizeLinear: (g) => emit(g, "QuantizeLinear", [input(g, ["N", 4]), g.scalar(0.5), g.constant(zeros("int8", []))]),
  "QuantizeLinear without a zero point": (g) => emit(g, "QuantizeLinear", [input(g, ["N", 4]), g.scalar(0.5)]),
  DequantizeLinear: (g) => emit(g, "DequantizeLinear", [input(g, ["N", 4], "uint8"), g.scalar(0.5)]),
  DynamicQuantizeLinear: (g) => emit(g, "DynamicQuantizeLinear", [input(g, ["N", 4])], {}, 3),
};

const indexing: Record<string, ShapeCase> = {
  GatherND: (g) => emit(g, "GatherND", [input(g, ["N", "S", 4]), g.constant(int64([0, 1, 1, 2, 0, 0], [3, 2]))]),
  "GatherND with a batch": (g) => emit(g, "GatherND", [input(g, [2, "S", 4]), g.constant(int64([1, 2], [2, 1]))], { batch_dims: int(1) }),
  ScatterND: (g) => emit(g, "ScatterND", [input(g, ["N", 4]), g.constant(int64([0, 1], [2, 1])), input(g, [2, 4])]),
  TopK: (g) => emit(g, "TopK", [input(g, ["N", 5, "S"]), sizes(g, 3)], { axis: int(-2) }, 2),
  "TopK of as many as there are": (g) => {
    const x = input(g, ["N", "S"]);
    const [count] = emit(g, "Shape", [x], { start: int(1) });
    return emit(g, "TopK", [x, count], {}, 2);
  },
  OneHot: (g) => emit(g, "OneHot", [input(g, ["N", "S"], "int64"), g.scalar(7, "int64"), sizes(g, 0, 1)], { axis: int(1) }),
  Trilu: (g) => emit(g, "Trilu", [input(g, ["N", "S", 4])]),
  NonZero: (g) => emit(g, "NonZero", [input(g, ["N", "S"])]),
  Compress: (g) => emit(g, "Compress", [input(g, ["N", "S"]), input(g, [2], "bool")], { axis: int(0) }),
  "Compress of a constant": (g) =>
    emit(g, "Compress", [input(g, ["N", 3]), g.constant({ type: "bool", shape: [3], data: Uint8Array.of(1, 0, 1) } as Tensor)], {
      axis: int(1),
    }),
  Unique: (g) => emit(g, "Unique", [input(g, ["N", "S"])], {}, 4),
  "Unique rows": (g) => emit(g, "Unique", [input(g, ["N", "S"])], { axis: int(0) }, 4),
  ReverseSequence: (g) => emit(g, "ReverseSequence", [input(g, ["S", 2, 3]), sizes(g, 2, 1)]),
  NonMaxSuppression: (g) => emit(g, "NonMaxSuppression", [input(g, ["N", 5, 4]), input(g, ["N", 3, 5]), g.scalar(2, "int64")]),
  CumSum: (g) => emit(g, "CumSum", [input(g, ["N", "S"]), g.scalar(1, "int64")]),
  Size: (g) => emit(g, "Size", [input(g, ["N", "S"])]),
  "Split of an open size": (g) => emit(g, "Split", [input(g, ["N", "W"])], { axis: int(1), num_outputs: int(4) }, 4),
  "ReduceL1 over axes of the data": (g) => emit(g, "ReduceL1", [input(g, ["N", 4]), g.cast(g.input("axes", "int64", [0]), "int64")]),
  ReduceL2: (g) => emit(g, "ReduceL2", [input(g, ["N", "S", 4]), sizes(g, 1, -1)], { keepdims: int(0) }),
  ArgMin: (g) => emit(g, "ArgMin", [input(g, ["N", "S", 4])], { axis: int(1) }),
  Einsum: (g) => emit(g, "Einsum", [input(g, ["N", "S", 4]), input(g, [4, 5])], { equation: string("...i, ij -> j...") }),
  Det: (g) => emit(g, "Det", [input(g, ["N", 3, 3])]),
};

const images: Record<string, ShapeCase> = {
  Resize: (g) => emit(g, "Resize", [image(g), undefined, g.constant(float32([1, 1, 1.5, 0.5]))]),
  "Resize of some axes": (g) => emit(g, "Resize", [image(g), undefined, undefined, sizes(g, 9, 7)], { axes: ints([2, 3]) }),
  "Resize by an odd scale": (g) => emit(g, "Resize", [input(g, ["N", 3, 7, 9]), undefined, g.constant(float32([1, 1, 1.3, 0.7]))]),
  "Resize within sizes": (g) =>
    emit(g, "Resize", [input(g, ["N", 3, 7, 9]), undefined, undefined, sizes(g, 4, 12)], {
      axes: ints([2, 3]),
      keep_aspect_ratio_policy: string("not_larger"),
    }),
  DepthToSpace: (g) => emit(g, "DepthToSpace", [image(g, 8)], { blocksize: int(2) }),
  SpaceToDepth: (g) => emit(g, "SpaceToDepth", [image(g)], { blocksize: int(2) }),
  GridSample: (g) => emit(g, "GridSample", [image(g), input(g, ["N", 4, 5, 2])]),
  AffineGrid: (g) => emit(g, "AffineGrid", [input(g, [2, 2, 3]), sizes(g, 2, 3, 4, 5)]),
  RoiAlign: (g) => emit(g, "RoiAlign", [image(g), input(g, [4, 4]), sizes(g, 0, 0, 0, 0)], { output_height: int(2), output_width: int(3) }),
  LRN: (g) => emit(g, "LRN", [image(g)], { size: int(3) }),
  MeanVarianceNormalization: (g) => emit(g, "MeanVarianceNormalization", [image(g)]),
  LpPool: (g) => emit(g, "LpPool", [image(g)], { kernel_shape: ints([2, 3]), strides: ints([2, 2]) }),
  GlobalLpPool: (g) => emit(g, "GlobalLpPool", [image(g)], { p: int(1) }),
  "MaxPool in ceil mode": (g) =>
    emit(g, "MaxPool", [image(g)], { kernel_shape: ints([3, 2]), strides: ints([2, 3]), pads: ints([1, 0, 1, 1]), ceil_mode: int(1) }, 2),
  MaxUnpool: (g) => {
    const pooled = emit(g, "MaxPool", [image(g)], { kernel_shape: ints([2, 2]), strides: ints([2, 2]) }, 2);
    return emit(g, "MaxUnpool", pooled, { kernel_shape: ints([2, 2]), strides: ints([2, 2]) });
  },
  "Conv with SAME_UPPER": (g) =>
    emit(g, "Conv", [image(g), weights(g, 4, 3, 3, 3)], { auto_pad: string("SAME_UPPER"), strides: ints([2, 3]) }),
  "ConvTranspose with SAME_LOWER": (g) =>
    emit(g, "ConvTranspose", [image(g), weights(g, 3, 4, 3, 3)], { auto_pad: string("SAME_LOWER"), strides: ints([2, 3]) }),
  "ConvTranspose to a size": (g) =>
    emit(g, "ConvTranspose", [image(g), weights(g, 3, 4, 3, 3)], { output_shape: ints([12, 21]), strides: ints([2, 2]) }),
  "ConvTranspose in groups": (g) =>
    emit(g, "ConvTranspose", [image(g, 4), weights(g, 4, 3, 3, 2)], {
      group: int(2),
      strides: ints([2, 3]),
      dilations: ints([2, 1]),
      output_padding: ints([1, 0]),
      pads: ints([1, 0, 0, 1]),
    }),
  ConvInteger: (g) => emit(g, "ConvInteger", [input(g, ["N", 3, "H", "W"], "uint8"), bytes(g, [4, 3, 3, 3])]),
  QLinearConv: (g) => {
    const [scale, zero] = [g.scalar(0.5), bytes(g, [])];
    return emit(g, "QLinearConv", [input(g, ["N", 3, "H", "W"], "uint8"), scale, zero, bytes(g, [4, 3, 3, 3]), scale, zero, scale, zero]);
  },
  MatMulInteger: (g) => emit(g, "MatMulInteger", [input(g, ["N", "S", 4], "uint8"), bytes(g, [4, 5], "int8")]),
  QLinearMatMul: (g) => {
    const [scale, zero] = [g.scalar(0.5), bytes(g, [])];
    return emit(g, "QLinearMatMul", [input(g, ["N", 4], "uint8"), scale, zero, bytes(g, [4, 5]), scale, zero, scale, zero]);
  },
  Col2Im: (g) => emit(g, "Col2Im", [input(g, ["N", 12, 6]), sizes(g, 3, 4), sizes(g, 2, 2)]),
};

const sequences: Record<string, ShapeCase> = {
  LSTM: (g) =>
    emit(
      g,
      "LSTM",
      [input(g, ["S", "N", 4]), weights(g, 2, 12, 4), weights(g, 2, 12, 3)],
      { direction: string("bidirectional"), hidden_size: int(3) },
      3,
    ),
  GRU: (g) => emit(g, "GRU", [input(g, ["S", "N", 4]), weights(g, 1, 9, 4), weights(g, 1, 9, 3)], { hidden_size: int(3) }, 2),
  RNN: (g) => emit(g, "RNN", [input(g, ["S", "N", 4]), weights(g, 1, 3, 4), weights(g, 1, 3, 3)], { hidden_size: int(3) }, 2),
  NegativeLogLikelihoodLoss: (g) =>
    emit(g, "NegativeLogLikelihoodLoss", [input(g, ["N", 5, "S"]), input(g, ["N", "S"], "int64")], { reduction: string("none") }),
  SoftmaxCrossEntropyLoss: (g) => emit(g, "SoftmaxCrossEntropyLoss", [input(g, ["N", 5]), input(g, ["N"], "int64")], {}, 2),
  InstanceNormalization: (g) => emit(g, "InstanceNormalization", [image(g), weights(g, 3), weights(g, 3)]),
  GroupNormalization: (g) => emit(g, "GroupNormalization", [image(g, 4), weights(g, 4), weights(g, 4)], { num_groups: int(2) }),
  LayerNormalization: (g) => emit(g, "LayerNormalization", [input(g, ["N", "S", 4]), weights(g, 4)], { epsilon: float(1e-5) }, 3),
};

const microsoft = (g: GraphBuilder, op: string, inputs: readonly (Value | undefined)[], attributes: Attributes = {}, outputs = 1) =>
  g.emit(op, inputs, { domain: MICROSOFT, attributes, outputs });
const rows = (g: GraphBuilder): Value => input(g, ["N", "S", 8]);

const fused: Record<string, ShapeCase> = {
  ...Object.fromEntries(
    ["Gelu", "FastGelu", "QuickGelu"].map((op): [string, ShapeCase] => [`fused ${op}`, (g) => microsoft(g, op, [rows(g)])]),
  ),
  BiasGelu: (g) => microsoft(g, "BiasGelu", [rows(g), weights(g, 8)]),
  FusedGemm: (g) => microsoft(g, "FusedGemm", [input(g, ["N", 4]), weights(g, 4, 5), weights(g, 5)], { activation: string("Relu") }),
  FusedConv: (g) => microsoft(g, "FusedConv", [image(g), weights(g, 4, 3, 3, 3)], { activation: string("Relu"), strides: ints([2, 2]) }),
  SkipLayerNormalization: (g) => {
    const [y, , , sum] = microsoft(g, "SkipLayerNormalization", [rows(g), rows(g), weights(g, 8), weights(g, 8)], {}, 4) as [
      Value,
      Value,
      Value,
      Value,
    ];
    return [y, sum];
  },
  EmbedLayerNormalization: (g) => {
    const [ids, types] = [input(g, ["N", "S"], "int32"), input(g, ["N", "S"], "int32")];
    return microsoft(
      g,
      "EmbedLayerNormalization",
      [ids, types, weights(g, 9, 8), weights(g, 9, 8), weights(g, 9, 8), weights(g, 8), weights(g, 8)],
      {},
      2,
    );
  },
  "fused Attention": (g) =>
    microsoft(
      g,
      "Attention",
      [rows(g), weights(g, 8, 24), weights(g, 24), undefined, input(g, [2, "N", 2, "P", 4])],
      { num_heads: int(2) },
      2,
    ),
  "fused Attention with other values": (g) =>
    microsoft(g, "Attention", [rows(g), weights(g, 8, 28), weights(g, 28)], { num_heads: int(2), qkv_hidden_sizes: ints([8, 8, 12]) }),
  MultiHeadAttention: (g) =>
    microsoft(g, "MultiHeadAttention", [rows(g), input(g, ["N", "P", 8]), input(g, ["N", "P", 6])], { num_heads: int(2) }),
};

/** For every operator off the path of training, and forms that only other exporters write. */
export const shapeCases: Readonly<Record<string, ShapeCase>> = { ...elementwise, ...indexing, ...images, ...sequences, ...fused };
