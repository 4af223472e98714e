import { int, ints } from "../../graph/attributes.ts";
import type { Value } from "../../graph/graph.ts";
import { int64 } from "../../graph/tensor.ts";
import type { GradientCase } from "../finite-differences.ts";
import { operator } from "./elementwise.cases.ts";

/** A case on one input of this shape. */
const on = (shape: readonly number[], name: string, build: (g: Parameters<GradientCase["build"]>[0], x: Value) => Value): GradientCase => ({
  name,
  inputs: [{ shape }],
  build: (g, x) => build(g, x as Value),
});

/** Parts told apart by weights of their own. */
const weighed = (g: Parameters<GradientCase["build"]>[0], parts: readonly Value[]): Value =>
  parts.map((part, index) => g.reduceSum(g.mul(g.mul(part, part), index + 1))).reduce((sum, part) => g.add(sum, part));

export const layoutCases: readonly GradientCase[] = [
  on([2, 3, 4], "Reshape", (g, x) => g.reshape(x, [4, 6])),
  on([2, 3, 4], "Flatten", (g, x) => g.flatten(x, -1)),
  on([2, 1, 4], "Squeeze", (g, x) => g.squeeze(x, [-2])),
  on([2, 4], "Unsqueeze", (g, x) => g.unsqueeze(x, [0, -1])),
  operator("Transpose", [[2, 3, 4]], {}, "reversed"),
  operator("Transpose", [[2, 3, 4]], { perm: ints([1, 2, 0]) }, "rotated"),
  operator(
    "Concat",
    [
      [2, 3],
      [2, 1],
      [2, 2],
    ],
    { axis: int(-1) },
  ),
  on([2, 5], "Split", (g, x) => weighed(g, g.split(x, [1, 3, 1], -1))),
  on([2, 5], "Split, one part unused", (g, x) => weighed(g, g.split(x, [1, 3, 1], 1).slice(1))),
  on([3, 1], "Expand", (g, x) => g.expand(x, [2, 3, 4])),
  on([2, 3], "Tile", (g, x) => g.tile(x, [2, 3])),
  operator("Trilu", [[2, 3, 4]], {}, "the upper triangle"),
  operator("Trilu", [[3, 3]], { upper: int(0) }, "the lower triangle"),
  on([4, 3], "Trilu, off the diagonal", (g, x) => g.emit("Trilu", [x, g.scalar(-1, "int64")])[0] as Value),
  on(
    [4, 2, 3],
    "ReverseSequence",
    (g, x) =>
      g.emit("ReverseSequence", [x, g.constant(int64([3, 4]))], { attributes: { time_axis: int(0), batch_axis: int(1) } })[0] as Value,
  ),
];
