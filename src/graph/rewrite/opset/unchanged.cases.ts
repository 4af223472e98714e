import { float, int, ints, string } from "../../attributes.ts";
import { float32, int64 } from "../../tensor.ts";
import { type OpsetCase, wave } from "./convert.cases.ts";

const image = wave([1, 2, 5, 7]);
const float1 = (rank: number) => ({ type: "float32", rank }) as const;
const window = { kernel_shape: ints([3, 2]), strides: ints([2, 2]), pads: ints([1, 0, 1, 1]) };
const recurrent = (gates: number) => ({
  x: wave([3, 2, 4]),
  w: wave([1, gates * 2, 4]),
  r: wave([1, gates * 2, 2], 0.5),
  b: wave([1, gates * 4]),
});

/** Operators whose definition reads differently from one version to the next, but has only gained types, defaults or clearer words. */
export const unchangedCases: readonly OpsetCase[] = [
  { op: "AveragePool", opsets: [7, 10, 11, 19, 22, 26], inputs: { x: image }, attributes: window, within: 1e-6 },
  {
    op: "AveragePool",
    opsets: [7, 10, 11, 19, 22],
    about: "padding counted",
    inputs: { x: image },
    attributes: { ...window, count_include_pad: int(1) },
    within: 1e-6,
  },
  {
    op: "AveragePool",
    opsets: [10, 11, 19, 22],
    about: "sizes rounded up",
    inputs: { x: image },
    attributes: { ...window, ceil_mode: int(1) },
    within: 1e-6,
  },
  {
    op: "AveragePool",
    opsets: [10, 11, 19, 22],
    about: "padding counted, sizes rounded up",
    inputs: { x: image },
    attributes: { ...window, ceil_mode: int(1), count_include_pad: int(1) },
  },
  ...["SAME_UPPER", "SAME_LOWER", "VALID"].flatMap((mode): OpsetCase[] => [
    {
      op: "AveragePool",
      opsets: [7, 11, 22],
      about: mode,
      inputs: { x: image },
      attributes: { kernel_shape: ints([2, 2]), auto_pad: string(mode) },
      within: 1e-6,
    },
    {
      op: "MaxPool",
      opsets: [7, 8, 11, 12, 22],
      about: mode,
      inputs: { x: image },
      attributes: { kernel_shape: ints([2, 2]), strides: ints([2, 2]), auto_pad: string(mode) },
    },
    {
      op: "Conv",
      opsets: [7, 11, 22],
      about: mode,
      inputs: { x: image, w: wave([3, 2, 2, 2]) },
      attributes: { strides: ints([2, 2]), auto_pad: string(mode) },
    },
    {
      op: "ConvTranspose",
      opsets: [7, 11, 22],
      about: mode,
      inputs: { x: image, w: wave([2, 3, 3, 3]) },
      attributes: { strides: ints([2, 2]), auto_pad: string(mode) },
    },
  ]),
  {
    op: "MaxPool",
    opsets: [8, 10, 12, 22],
    about: "with indices by columns",
    inputs: { x: image },
    attributes: { ...window, storage_order: int(1) },
    outputs: [float1(4), { type: "int64", rank: 4 }],
  },
  {
    op: "MaxPool",
    opsets: [10, 11, 12, 22],
    about: "sizes rounded up",
    inputs: { x: image },
    attributes: { ...window, ceil_mode: int(1) },
  },
  { op: "LpPool", opsets: [7, 11, 18, 22], inputs: { x: image }, attributes: { ...window, p: int(3) } },
  {
    op: "Gemm",
    opsets: [7, 9, 11, 13],
    inputs: { a: wave([2, 3]), b: wave([4, 3]), c: wave([4]) },
    attributes: { transB: int(1), alpha: float(0.5) },
  },
  { op: "PRelu", opsets: [7, 9, 16], inputs: { x: wave([2, 3, 2]), slope: wave([3, 1]) } },
  { op: "Reshape", opsets: [7, 13, 14], inputs: { x: wave([2, 6]), shape: int64([0, -1, 3]) }, stored: ["shape"], outputs: [float1(3)] },
  { op: "Flatten", opsets: [7, 9, 11, 13], inputs: { x: wave([2, 3, 2]) }, attributes: { axis: int(2) }, outputs: [float1(2)] },
  {
    op: "OneHot",
    opsets: [9, 11],
    about: "with what is out of range",
    inputs: { i: int64([0, 3, -1, 4]), depth: int64([4], []), values: float32([0, 1]) },
    stored: ["depth"],
    outputs: [float1(2)],
  },
  {
    op: "ArgMax",
    opsets: [7, 11, 12, 13],
    about: "with ties",
    inputs: { x: float32([1, 3, 3, 2, 0, 2], [2, 3]) },
    attributes: { axis: int(1), keepdims: int(0) },
    outputs: [{ type: "int64", rank: 1 }],
  },
  {
    op: "LSTM",
    opsets: [7, 14, 22],
    inputs: recurrent(4),
    attributes: { hidden_size: int(2) },
    outputs: [float1(4), float1(3), float1(3)],
  },
  {
    op: "GRU",
    opsets: [7, 14, 22],
    inputs: recurrent(3),
    attributes: { hidden_size: int(2), linear_before_reset: int(1) },
    outputs: [float1(4), float1(3)],
  },
  { op: "RNN", opsets: [7, 14, 22], inputs: recurrent(1), attributes: { hidden_size: int(2) }, outputs: [float1(4), float1(3)] },
  { op: "DepthToSpace", opsets: [7, 11, 13], inputs: { x: wave([1, 8, 2, 3]) }, attributes: { blocksize: int(2) } },
  { op: "LRN", opsets: [7, 13], inputs: { x: image }, attributes: { size: int(3) } },
  { op: "ScatterND", opsets: [11, 13, 16], inputs: { x: wave([4, 2]), indices: int64([2, 0], [2, 1]), updates: wave([2, 2], 9) } },
  { op: "Greater", opsets: [7, 9, 13], inputs: { a: wave([2, 3]), b: wave([3], 0.5) }, outputs: [{ type: "bool", rank: 2 }] },
  {
    op: "NonMaxSuppression",
    opsets: [10, 11],
    inputs: {
      boxes: float32([0, 0, 2, 2, 0, 0.1, 2, 2.1, 3, 3, 4, 4], [1, 3, 4]),
      scores: float32([0.5, 0.9, 0.7], [1, 1, 3]),
      most: int64([3]),
      overlap: float32([0.5]),
    },
    stored: ["most", "overlap"],
    outputs: [{ type: "int64", rank: 2 }],
  },
];
