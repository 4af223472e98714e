import { int, ints, string } from "../../graph/attributes.ts";
import type { Attributes, Value } from "../../graph/graph.ts";
import { int64 } from "../../graph/tensor.ts";
import type { GradientCase, TestInput } from "../finite-differences.ts";
import { operator } from "./elementwise.cases.ts";

const line: TestInput = { shape: [2, 2, 9], distinct: true };
const image: TestInput = { shape: [2, 2, 7, 6], distinct: true };
const volume: TestInput = { shape: [1, 2, 4, 5, 4], distinct: true };

const windows: readonly { note: string; x: TestInput; attributes: Attributes }[] = [
  { note: "side by side", x: image, attributes: { kernel_shape: ints([2, 2]), strides: ints([2, 2]) } },
  { note: "overlapping, padded", x: image, attributes: { kernel_shape: ints([3, 3]), strides: ints([2, 2]), pads: ints([1, 1, 1, 1]) } },
  { note: "stride 1, same size", x: image, attributes: { kernel_shape: ints([3, 3]), pads: ints([1, 1, 1, 1]) } },
  { note: "pads of their own", x: image, attributes: { kernel_shape: ints([3, 2]), strides: ints([1, 2]), pads: ints([2, 0, 1, 1]) } },
  { note: "dilated", x: image, attributes: { kernel_shape: ints([2, 3]), dilations: ints([3, 2]), pads: ints([0, 1, 1, 1]) } },
  { note: "ceil mode", x: image, attributes: { kernel_shape: ints([2, 4]), strides: ints([2, 3]), ceil_mode: int(1) } },
  { note: "gaps", x: image, attributes: { kernel_shape: ints([1, 2]), strides: ints([3, 4]) } },
  { note: "SAME_UPPER", x: image, attributes: { kernel_shape: ints([3, 3]), strides: ints([2, 2]), auto_pad: string("SAME_UPPER") } },
  { note: "a line", x: line, attributes: { kernel_shape: ints([3]), strides: ints([2]), pads: ints([1, 0]) } },
  { note: "a volume", x: volume, attributes: { kernel_shape: ints([2, 2, 3]), strides: ints([2, 1, 1]), pads: ints([0, 1, 1, 0, 1, 1]) } },
];

export const poolingCases: readonly GradientCase[] = [
  ...windows.map(({ note, x, attributes }) => operator("MaxPool", [x], attributes, note)),
  ...windows.flatMap(({ note, x, attributes }) =>
    [0, 1].map((counted) =>
      operator("AveragePool", [x], { ...attributes, count_include_pad: int(counted) }, `${note}, padding counts: ${counted}`),
    ),
  ),
  ...windows.map(({ note, x, attributes }) => operator("LpPool", [x], attributes, note)),
  operator("LpPool", [image], { kernel_shape: ints([2, 2]), strides: ints([2, 1]), p: int(1) }, "p 1"),
  operator("LpPool", [image], { kernel_shape: ints([2, 2]), p: int(3) }, "p 3"),
  ...["AveragePool", "MaxPool"].flatMap((op) => [
    operator(op, [image], { kernel_shape: ints([3, 2]), strides: ints([3, 2]) }, "a row left over"),
    operator(op, [line], { kernel_shape: ints([3]), strides: ints([3]) }, "a line in parts"),
    operator(op, [volume], { kernel_shape: ints([2, 1, 2]), strides: ints([2, 1, 2]) }, "a volume in parts"),
  ]),
  {
    name: "MaxUnpool",
    inputs: [{ shape: [1, 2, 2] }],
    build: (g, x) =>
      g.emit("MaxUnpool", [x, g.constant(int64([1, 2, 7, 4], [1, 2, 2]))], {
        attributes: { kernel_shape: ints([2]), strides: ints([2]) },
      })[0] as Value,
  },
  {
    name: "MaxUnpool to a size",
    inputs: [{ shape: [1, 1, 2] }],
    build: (g, x) =>
      g.emit("MaxUnpool", [x, g.constant(int64([4, 2], [1, 1, 2])), g.constant(int64([1, 1, 5]))], {
        attributes: { kernel_shape: ints([2]), strides: ints([2]) },
      })[0] as Value,
  },
  {
    name: "MaxPool that gives its indices",
    inputs: [image],
    build: (g, x) => g.emit("MaxPool", [x], { attributes: { kernel_shape: ints([3, 3]) }, outputs: 2 })[0] as Value,
  },
  {
    name: "MaxPool that gives its indices column by column",
    inputs: [image],
    build: (g, x) => g.emit("MaxPool", [x], { attributes: { kernel_shape: ints([3, 3]), storage_order: int(1) }, outputs: 2 })[0] as Value,
  },
  ...["GlobalMaxPool", "GlobalAveragePool", "GlobalLpPool"].flatMap((op) => [
    operator(op, [line], {}, "a line"),
    operator(op, [image], {}, "an image"),
    operator(op, [volume], {}, "a volume"),
  ]),
];
