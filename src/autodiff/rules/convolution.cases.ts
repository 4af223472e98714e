import { int, ints, string } from "../../graph/attributes.ts";
import type { Attributes, Value } from "../../graph/graph.ts";
import { int64 } from "../../graph/tensor.ts";
import type { GradientCase } from "../finite-differences.ts";
import { operator } from "./elementwise.cases.ts";

const conv = (note: string, x: readonly number[], w: readonly number[], attributes: Attributes = {}): GradientCase =>
  operator("Conv", [x, w, [w[0] as number]], attributes, note);

const transposed = (note: string, x: readonly number[], w: readonly number[], attributes: Attributes = {}): GradientCase =>
  operator("ConvTranspose", [x, w, [(w[1] as number) * (attributes.group?.kind === "int" ? attributes.group.value : 1)]], attributes, note);

const folded = (
  note: string,
  shape: readonly number[],
  image: readonly number[],
  block: readonly number[],
  attributes: Attributes,
): GradientCase => ({
  name: `Col2Im, ${note}`,
  inputs: [{ shape }],
  build: (g, x) => g.emit("Col2Im", [x, g.constant(int64(image)), g.constant(int64(block))], { attributes })[0] as Value,
});

export const convolutionCases: readonly GradientCase[] = [
  conv("1×1", [2, 3, 4, 5], [4, 3, 1, 1]),
  conv("1×1, stride 2", [2, 3, 5, 4], [4, 3, 1, 1], { strides: ints([2, 2]) }),
  conv("3×3, same size", [2, 3, 5, 4], [4, 3, 3, 3], { pads: ints([1, 1, 1, 1]) }),
  conv("3×3, many channels", [1, 16, 4, 4], [2, 16, 3, 3], { pads: ints([1, 1, 1, 1]) }),
  conv("stride 2", [2, 3, 6, 5], [4, 3, 3, 3], { strides: ints([2, 2]), pads: ints([1, 1, 1, 1]) }),
  conv("pads and strides of their own", [2, 2, 6, 7], [3, 2, 3, 2], { strides: ints([2, 3]), pads: ints([2, 0, 1, 1]) }),
  conv("pads beyond the kernel", [1, 2, 4, 4], [3, 2, 2, 1], { pads: ints([2, 1, 0, 0]) }),
  conv("dilated", [2, 2, 7, 6], [3, 2, 3, 2], { dilations: ints([2, 3]), pads: ints([1, 1, 2, 0]) }),
  conv("groups", [2, 4, 5, 5], [6, 2, 3, 3], { group: int(2), pads: ints([1, 1, 1, 1]) }),
  conv("groups, stride 2, many pixels", [1, 4, 20, 18], [6, 2, 3, 3], { group: int(2), strides: ints([2, 2]) }),
  conv("depthwise", [2, 4, 5, 5], [4, 1, 3, 3], { group: int(4), pads: ints([1, 1, 1, 1]) }),
  conv("depthwise, many pixels", [1, 3, 10, 10], [3, 1, 3, 3], { group: int(3), pads: ints([1, 1, 1, 1]) }),
  conv("depthwise with a multiplier, stride 2", [2, 2, 6, 5], [6, 1, 3, 3], {
    group: int(2),
    strides: ints([2, 2]),
    pads: ints([1, 1, 1, 1]),
  }),
  conv("SAME_LOWER", [1, 2, 6, 5], [3, 2, 2, 3], { strides: ints([2, 2]), auto_pad: string("SAME_LOWER") }),
  conv("a line", [2, 3, 9], [4, 3, 3], { strides: ints([2]), pads: ints([1, 0]) }),
  conv("a line, groups, dilated", [2, 4, 9], [4, 2, 3], { dilations: ints([2]), group: int(2) }),
  conv("a volume", [1, 2, 4, 3, 5], [3, 2, 2, 3, 2], { strides: ints([1, 1, 2]), pads: ints([0, 1, 1, 1, 1, 0]) }),
  conv("a volume, many channels", [1, 12, 3, 3, 3], [2, 12, 2, 2, 3], { pads: ints([0, 1, 1, 0, 1, 1]) }),
  operator(
    "Conv",
    [
      [1, 2, 4, 4],
      [3, 2, 3, 3],
    ],
    {},
    "no bias",
  ),
  transposed("stride 2", [2, 3, 4, 3], [3, 2, 3, 3], { strides: ints([2, 2]), pads: ints([1, 1, 1, 1]), output_padding: ints([1, 1]) }),
  transposed("groups, dilated", [1, 4, 4, 3], [4, 3, 2, 3], { group: int(2), dilations: ints([2, 1]), pads: ints([0, 1, 1, 0]) }),
  transposed("output shape", [2, 2, 4, 3], [2, 3, 3, 2], { strides: ints([2, 3]), output_shape: ints([8, 7]) }),
  transposed("SAME_UPPER", [1, 2, 4, 3], [2, 2, 3, 4], { strides: ints([2, 3]), auto_pad: string("SAME_UPPER") }),
  transposed("SAME_LOWER", [1, 2, 4, 3], [2, 2, 3, 3], { strides: ints([2, 1]), auto_pad: string("SAME_LOWER") }),
  transposed("a volume", [1, 2, 2, 3, 2], [2, 3, 2, 3, 2], { strides: ints([2, 1, 2]), pads: ints([0, 1, 0, 1, 1, 0]) }),
  transposed("depthwise", [1, 3, 3, 4], [3, 1, 2, 2], { group: int(3), strides: ints([2, 2]) }),
  transposed("a line", [2, 3, 5], [3, 2, 4], { strides: ints([3]), pads: ints([0, 2]) }),
  folded("side by side", [2, 12, 4], [4, 6], [2, 3], { strides: ints([2, 3]) }),
  folded("overlapping, dilated", [1, 8, 16], [5, 6], [2, 2], { dilations: ints([2, 1]), strides: ints([1, 2]), pads: ints([0, 1, 1, 1]) }),
  folded("a line", [1, 6, 3], [5], [3], {}),
];
