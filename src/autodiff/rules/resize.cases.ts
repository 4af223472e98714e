import { float, int, ints, string } from "../../graph/attributes.ts";
import type { Attributes, Value } from "../../graph/graph.ts";
import { float32, int64 } from "../../graph/tensor.ts";
import type { GradientCase } from "../finite-differences.ts";

interface Target {
  readonly scales?: readonly number[];
  readonly sizes?: readonly number[];
  readonly roi?: readonly number[];
}

const resize = (note: string, shape: readonly number[], { scales, sizes, roi }: Target, attributes: Attributes): GradientCase => ({
  name: `Resize, ${note}`,
  inputs: [{ shape }],
  build: (g, x) => {
    const floats = (numbers: readonly number[] | undefined) => numbers && g.constant(float32(numbers));
    return g.emit("Resize", [x, floats(roi), floats(scales), sizes && g.constant(int64(sizes))], { attributes })[0] as Value;
  },
});

const image = [1, 2, 4, 3];
const ways = (mode: string, transformation: string): Attributes => ({
  mode: string(mode),
  coordinate_transformation_mode: string(transformation),
});

export const resizeCases: readonly GradientCase[] = [
  resize("nearest, smaller", [1, 2, 6, 7], { sizes: [1, 2, 3, 2] }, ways("nearest", "half_pixel")),
  resize("linear, larger", image, { scales: [1, 1, 1.7, 2] }, ways("linear", "pytorch_half_pixel")),
  resize("cubic, to a point", image, { sizes: [1, 2, 1, 1] }, ways("cubic", "align_corners")),
  resize("nearest, twice as large", image, { scales: [1, 1, 2, 2] }, { mode: string("nearest") }),
  resize("nearest, three times as wide", image, { scales: [1, 1, 1, 3] }, ways("nearest", "asymmetric")),
  resize("nearest, by default", image, { scales: [1, 1, 2, 3] }, {}),
  resize("linear, a line", [2, 2, 5], { scales: [1, 1, 2] }, ways("linear", "half_pixel")),
  resize("nearest, a line", [2, 2, 5], { sizes: [2, 2, 7] }, ways("nearest", "asymmetric")),
  resize("linear, a line too long for a matrix", [1, 1, 2000], { sizes: [1, 1, 3000] }, ways("linear", "half_pixel")),
  resize("linear, a volume", [1, 2, 3, 2, 4], { sizes: [1, 2, 5, 4, 3] }, ways("linear", "align_corners")),
  resize("linear, named axes", image, { scales: [2, 1.5] }, { mode: string("linear"), axes: ints([-1, 2]) }),
  resize(
    "sizes no larger than given",
    image,
    { sizes: [7, 8] },
    {
      mode: string("linear"),
      axes: ints([2, 3]),
      keep_aspect_ratio_policy: string("not_larger"),
    },
  ),
  resize(
    "sizes no smaller than given",
    image,
    { sizes: [7, 8] },
    {
      mode: string("linear"),
      axes: ints([2, 3]),
      keep_aspect_ratio_policy: string("not_smaller"),
    },
  ),
  resize(
    "cubic, TensorFlow's coefficient, nothing from outside",
    image,
    { scales: [1, 1, 2, 1.5] },
    {
      mode: string("cubic"),
      cubic_coeff_a: float(-0.5),
      exclude_outside: int(1),
    },
  ),
  resize(
    "linear, cropped",
    [1, 1, 5, 6],
    { sizes: [1, 1, 4, 5], roi: [0, 0, 0.2, -0.3, 1, 1, 0.9, 1.2] },
    {
      mode: string("linear"),
      coordinate_transformation_mode: string("tf_crop_and_resize"),
      extrapolation_value: float(3),
    },
  ),
];
