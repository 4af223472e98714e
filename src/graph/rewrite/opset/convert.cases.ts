import { float, int, ints, string } from "../../attributes.ts";
import type { Attributes } from "../../graph.ts";
import { type ElementType, elementCount, float32, int64, type Tensor } from "../../tensor.ts";

/** One operator at an older or newer opset than `OPSET`, on inputs for which its meaning there is seen. */
export interface OpsetCase {
  readonly op: string;
  readonly opsets: readonly number[];
  /** What makes the case another than the one before it. */
  readonly about?: string;
  /** In the operator's order; an empty name of a left-out input maps to `undefined`. */
  readonly inputs: Readonly<Record<string, Tensor | undefined>>;
  readonly attributes?: Attributes;
  /** Inputs that are stored in the graph. */
  readonly stored?: readonly string[];
  readonly outputs?: readonly { readonly type: ElementType; readonly rank: number }[];
  /** Largest difference, where the runtime computes the two forms by different kernels. */
  readonly within?: number;
}

/** Values of both signs that never repeat. */
export function wave(shape: readonly number[], scale = 1): Tensor {
  return float32(
    Float32Array.from({ length: elementCount(shape) }, (_, index) => scale * Math.sin(1.7 * index + 0.4)),
    shape,
  );
}

const uint8 = (data: readonly number[], shape: readonly number[] = [data.length]): Tensor => ({
  type: "uint8",
  shape,
  data: Uint8Array.from(data),
});
const float64 = (data: readonly number[], shape: readonly number[] = [data.length]): Tensor => ({
  type: "float64",
  shape,
  data: Float64Array.from(data),
});
const scalar = (number: number) => float32([number], []);
const floats = (value: readonly number[]) => ({ kind: "floats", value: value.map(Math.fround) }) as const;
const like = (type: ElementType, rank: number) => ({ type, rank });
const image = wave([1, 2, 4, 6]);

const layout: OpsetCase[] = [
  { op: "Squeeze", opsets: [7, 11, 12], inputs: { x: wave([1, 3, 1]) }, attributes: { axes: ints([0]) }, outputs: [like("float32", 2)] },
  { op: "Squeeze", opsets: [9, 11], about: "of all axes", inputs: { x: wave([1, 3, 1]) }, outputs: [like("float32", 1)] },
  { op: "Unsqueeze", opsets: [7, 11], inputs: { x: wave([3]) }, attributes: { axes: ints([0, 2]) }, outputs: [like("float32", 3)] },
  {
    op: "Split",
    opsets: [7, 11],
    inputs: { x: wave([5, 2]) },
    attributes: { split: ints([2, 3]) },
    outputs: [like("float32", 2), like("float32", 2)],
  },
  {
    op: "Split",
    opsets: [7, 11, 13, 17],
    about: "into equal parts",
    inputs: { x: wave([2, 6]) },
    attributes: { axis: int(1) },
    outputs: [like("float32", 2), like("float32", 2), like("float32", 2)],
  },
  {
    op: "Split",
    opsets: [13, 17],
    about: "with parts as an input",
    inputs: { x: wave([5, 2]), parts: int64([4, 1]) },
    stored: ["parts"],
    outputs: [like("float32", 2), like("float32", 2)],
  },
  {
    op: "Slice",
    opsets: [7, 9],
    inputs: { x: wave([4, 5]) },
    attributes: { axes: ints([1, 0]), starts: ints([-3, 1]), ends: ints([2 ** 63, -1]) },
  },
  {
    op: "Slice",
    opsets: [9],
    about: "of the first axes",
    inputs: { x: wave([4, 5]) },
    attributes: { starts: ints([1, 2]), ends: ints([3, 4]) },
  },
  {
    op: "Slice",
    opsets: [10, 11],
    about: "with inputs",
    inputs: { x: wave([4, 5]), starts: int64([3]), ends: int64([-5]), axes: int64([0]), steps: int64([-1]) },
    stored: ["starts", "ends", "axes", "steps"],
  },
  { op: "Pad", opsets: [7, 10], inputs: { x: wave([2, 3]) }, attributes: { pads: ints([0, 1, 2, -1]), value: float(0.3) } },
  { op: "Pad", opsets: [7, 9], about: "with zeros", inputs: { x: wave([2, 3]) }, attributes: { pads: ints([0, 1, 2, 0]) } },
  {
    op: "Pad",
    opsets: [9],
    about: "reflecting",
    inputs: { x: wave([2, 3]) },
    attributes: { mode: string("reflect"), pads: ints([0, 1, 1, 2]) },
  },
  {
    op: "Pad",
    opsets: [9],
    about: "of float64",
    inputs: { x: float64([1, 2]) },
    attributes: { pads: ints([1, 1]), value: float(0.1) },
    outputs: [like("float64", 1)],
  },
  {
    op: "Pad",
    opsets: [11, 13, 23, 26],
    about: "with inputs",
    inputs: { x: wave([2, 3]), pads: int64([0, 1, 2, 0]), value: scalar(7) },
    stored: ["pads"],
  },
  {
    op: "Scatter",
    opsets: [9, 10],
    inputs: { x: wave([3, 2]), indices: int64([1, 0], [1, 2]), updates: wave([1, 2], 9) },
    attributes: { axis: int(0) },
  },
  { op: "TopK", opsets: [7, 9], inputs: { x: wave([2, 5]) }, attributes: { k: int(3) }, outputs: [like("float32", 2), like("int64", 2)] },
  {
    op: "TopK",
    opsets: [9],
    about: "along the first axis, with ties",
    inputs: { x: float32([1, 2, 1, 2, 3, 0], [3, 2]) },
    attributes: { k: int(2), axis: int(0) },
    outputs: [like("float32", 2), like("int64", 2)],
  },
  {
    op: "TopK",
    opsets: [10, 11, 24],
    about: "with inputs",
    inputs: { x: wave([2, 5]), k: int64([2]) },
    stored: ["k"],
    outputs: [like("float32", 2), like("int64", 2)],
  },
];

const softmaxes = ["Softmax", "LogSoftmax", "Hardmax"].flatMap((op): OpsetCase[] => [
  { op, opsets: [7, 11, 12], about: "with its default axis", inputs: { x: wave([2, 3, 4], 3) } },
  { op, opsets: [7, 11], about: "along the last axis", inputs: { x: wave([2, 3, 4], 3) }, attributes: { axis: int(2) } },
  { op, opsets: [11, 12], about: "along axis -1", inputs: { x: wave([2, 3, 4], 3) }, attributes: { axis: int(-1) } },
  { op, opsets: [11], about: "along axis -2", inputs: { x: wave([2, 3, 4], 3) }, attributes: { axis: int(-2) } },
  { op, opsets: [9, 11], about: "over everything", inputs: { x: wave([2, 3, 4], 3) }, attributes: { axis: int(0) } },
  { op, opsets: [9, 11], about: "over channels of single pixels", inputs: { x: wave([2, 3, 1, 1], 3) } },
  { op, opsets: [13, 26], about: "in today's form", inputs: { x: wave([2, 3, 4], 3) }, attributes: { axis: int(1) } },
]);

const reductions = ["L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare"].flatMap((name): OpsetCase[] => {
  const x = float32([3, 1, 2, 5, 4, 6, 9, 8, 7, 1.5, 2.5, 3.5], [2, 3, 2]);
  const last = name === "Sum" ? 12 : 17;
  return [
    { op: `Reduce${name}`, opsets: [7, 11, last], inputs: { x }, attributes: { axes: ints([0, 2]) } },
    {
      op: `Reduce${name}`,
      opsets: [11, last],
      about: "without keeping axes",
      inputs: { x },
      attributes: { axes: ints([-2]), keepdims: int(0) },
      outputs: [like("float32", 2)],
    },
    {
      op: `Reduce${name}`,
      opsets: [9, last],
      about: "over everything",
      inputs: { x },
      attributes: { keepdims: int(0) },
      outputs: [like("float32", 0)],
    },
  ];
});

const normalization: OpsetCase[] = [
  {
    op: "BatchNormalization",
    opsets: [7, 8, 9, 14, 26],
    inputs: { x: wave([2, 3, 4]), scale: wave([3]), bias: wave([3], 2), mean: wave([3], 0.1), variance: float32([0.5, 1, 2]) },
    attributes: { epsilon: float(1e-3), momentum: float(0.8) },
  },
  {
    op: "BatchNormalization",
    opsets: [7, 8],
    about: "of each element",
    within: 1e-6,
    inputs: {
      x: wave([2, 3, 2]),
      scale: wave([3, 2]),
      bias: wave([3, 2], 2),
      mean: wave([3, 2], 0.1),
      variance: float32([0.5, 1, 2, 3, 4, 5], [3, 2]),
    },
    attributes: { spatial: int(0) },
  },
  {
    op: "BatchNormalization",
    opsets: [7],
    about: "of each channel, said so",
    inputs: { x: wave([2, 3]), scale: wave([3]), bias: wave([3]), mean: wave([3]), variance: float32([0.5, 1, 2]) },
    attributes: { spatial: int(1) },
  },
  { op: "Dropout", opsets: [7, 10], inputs: { x: wave([4]) }, attributes: { ratio: float(0.3) } },
  { op: "Dropout", opsets: [7, 11], about: "without a ratio", inputs: { x: wave([4]) } },
  { op: "Dropout", opsets: [12, 22], about: "and its mask", inputs: { x: wave([4]) }, outputs: [like("float32", 1), like("bool", 1)] },
  {
    op: "GroupNormalization",
    opsets: [18, 20],
    inputs: { x: wave([2, 6, 3]), scale: wave([3]), bias: wave([3], 2) },
    attributes: { num_groups: int(3), epsilon: float(1e-3) },
    within: 1e-6,
  },
  {
    op: "GroupNormalization",
    opsets: [26],
    about: "in today's form",
    inputs: { x: wave([2, 6, 3]), scale: wave([6]), bias: wave([6], 2) },
    attributes: { num_groups: int(3) },
  },
];

const sampling: OpsetCase[] = [
  ...["nearest", "linear"].flatMap((mode): OpsetCase[] => [
    {
      op: "Upsample",
      opsets: [7, 8],
      about: mode,
      inputs: { x: image },
      attributes: { mode: string(mode), scales: floats([1, 1, 2, 1.5]) },
    },
    {
      op: "Upsample",
      opsets: [9],
      about: mode,
      inputs: { x: image, scales: float32([1, 1, 1.7, 3]) },
      attributes: { mode: string(mode) },
      stored: ["scales"],
    },
    {
      op: "Upsample",
      opsets: [9],
      about: `${mode}, by a factor that is computed`,
      inputs: { x: image, scales: float32([1, 1, 2, 2]) },
      attributes: { mode: string(mode) },
    },
    {
      op: "Resize",
      opsets: [10],
      about: mode,
      inputs: { x: image, scales: float32([1, 1, 2.6, 2]) },
      attributes: { mode: string(mode) },
      stored: ["scales"],
    },
    {
      op: "Resize",
      opsets: [10],
      about: `${mode}, shrinking`,
      inputs: { x: image, scales: float32([1, 1, 0.7, 0.4]) },
      attributes: { mode: string(mode) },
      stored: ["scales"],
    },
  ]),
  ...["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"].flatMap((mode) =>
    ["nearest", "linear", "cubic"].map(
      (kind): OpsetCase => ({
        op: "Resize",
        opsets: [11, 13, 18, 19, 26],
        about: `${kind}, ${mode}`,
        stored: ["scales"],
        inputs: { x: image, roi: float32([]), scales: float32([1, 1, 1.5, 0.6]) },
        attributes: { mode: string(kind), coordinate_transformation_mode: string(mode) },
      }),
    ),
  ),
  {
    op: "Resize",
    opsets: [11, 13, 18, 26],
    about: "to sizes",
    stored: ["scales", "sizes"],
    inputs: { x: image, roi: float32([]), scales: float32([]), sizes: int64([1, 2, 7, 3]) },
    attributes: { mode: string("linear") },
  },
  ...[1.5, 0.7, 2.3].map(
    (scale): OpsetCase => ({
      op: "Resize",
      opsets: [11, 12],
      about: `by ${scale} as TensorFlow does`,
      stored: ["scales"],
      inputs: { x: image, roi: float32([]), scales: float32([1, 1, scale, scale]) },
      attributes: {
        mode: string("nearest"),
        coordinate_transformation_mode: string("tf_half_pixel_for_nn"),
        nearest_mode: string("floor"),
      },
    }),
  ),
  ...["avg", "max"].map(
    (mode): OpsetCase => ({
      op: "RoiAlign",
      opsets: [10, 15],
      about: mode,
      inputs: { x: wave([1, 2, 6, 6]), rois: float32([0.6, 1.2, 4.1, 3.9, 2, 0.1, 5.3, 5.2], [2, 4]), batch: int64([0, 0]) },
      attributes: { mode: string(mode), output_height: int(2), output_width: int(3), sampling_ratio: int(2), spatial_scale: float(0.9) },
    }),
  ),
  {
    op: "RoiAlign",
    opsets: [16, 19],
    about: "in today's form",
    inputs: { x: wave([1, 2, 6, 6]), rois: float32([0.6, 1.2, 4.1, 3.9], [1, 4]), batch: int64([0]) },
    attributes: { output_height: int(2), output_width: int(2) },
  },
  ...["bilinear", "nearest", "bicubic", undefined].map(
    (mode): OpsetCase => ({
      op: "GridSample",
      opsets: [16, 19],
      about: mode ?? "in its default mode",
      inputs: { x: image, grid: wave([1, 3, 3, 2], 0.8) },
      attributes: mode ? { mode: string(mode) } : {},
    }),
  ),
  {
    op: "GridSample",
    opsets: [20, 22],
    about: "in today's form",
    inputs: { x: image, grid: wave([1, 3, 3, 2], 0.8) },
    attributes: { mode: string("cubic") },
  },
];

const elementwise: OpsetCase[] = [
  { op: "Clip", opsets: [7, 10], inputs: { x: wave([6], 3) }, attributes: { min: float(-0.7), max: float(1.1) } },
  { op: "Clip", opsets: [7], about: "from below", inputs: { x: wave([6], 3) }, attributes: { min: float(0) } },
  { op: "Clip", opsets: [7], about: "from above", inputs: { x: wave([6], 3) }, attributes: { max: float(6) } },
  {
    op: "Clip",
    opsets: [9],
    about: "of infinities",
    inputs: { x: float32([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN]) },
  },
  { op: "Clip", opsets: [11, 12, 26], about: "with inputs", inputs: { x: wave([6], 3), min: scalar(-1), max: undefined } },
  {
    op: "DequantizeLinear",
    opsets: [10, 13, 19, 23, 25],
    inputs: { x: uint8([0, 100, 255]), scale: scalar(0.1), zero: uint8([128], []) },
    outputs: [like("float32", 1)],
  },
  {
    op: "DequantizeLinear",
    opsets: [13, 19],
    about: "of each channel",
    inputs: { x: uint8([0, 100, 255, 7], [2, 2]), scale: float32([0.1, 0.3]), zero: uint8([128, 3]) },
    attributes: { axis: int(0) },
    outputs: [like("float32", 2)],
  },
  {
    op: "QuantizeLinear",
    opsets: [10, 13, 19, 23, 25],
    inputs: { x: wave([5], 10), scale: scalar(0.1), zero: uint8([128], []) },
    outputs: [like("uint8", 1)],
  },
  {
    op: "QuantizeLinear",
    opsets: [23, 24],
    about: "in a given precision",
    inputs: { x: wave([5], 10), scale: scalar(0.1), zero: uint8([128], []) },
    attributes: { precision: int(1) },
    outputs: [like("uint8", 1)],
  },
  { op: "Cast", opsets: [7, 9, 13, 19, 23], inputs: { x: wave([5], 10) }, attributes: { to: int(7) }, outputs: [like("int64", 1)] },
  {
    op: "CastLike",
    opsets: [24, 26],
    inputs: { x: wave([5], 10), like: int64([0]) },
    attributes: { round_mode: string("up") },
    outputs: [like("int64", 1)],
  },
  { op: "DFT", opsets: [17, 19], inputs: { x: wave([1, 4, 3, 1]) }, attributes: { onesided: int(0) }, within: 1e-6 },
  {
    op: "DFT",
    opsets: [17],
    about: "along axis 2",
    inputs: { x: wave([1, 4, 3, 1]) },
    attributes: { axis: int(2), onesided: int(1) },
    within: 1e-6,
  },
];

export const opsetCases: readonly OpsetCase[] = [...layout, ...softmaxes, ...reductions, ...normalization, ...sampling, ...elementwise];
