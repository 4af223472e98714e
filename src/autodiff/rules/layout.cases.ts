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
  on([4, 5], "Slice", (g, x) =>
    g.slice(x, [
      { axis: 0, start: 1, end: 3 },
      { axis: -1, start: -4, end: 2 ** 31 },
    ]),
  ),
  on([4, 5], "Slice, every second", (g, x) =>
    g.slice(x, [
      { axis: 1, start: 1, end: 5, step: 2 },
      { axis: 0, start: 1, end: 4 },
    ]),
  ),
  on([4, 5], "Slice, reversed", (g, x) =>
    g.slice(x, [
      { axis: 0, start: -1, end: -9, step: -1 },
      { axis: 1, start: 3, end: 0, step: -2 },
    ]),
  ),
  on([2, 3], "Pad", (g, x) => g.pad(x, [1, 0, 2, 3])),
  on([4, 3], "Pad, cutting", (g, x) => g.pad(x, [-1, 1, 2, -1])),
  on([2, 3], "Pad, named axes", (g, x) => g.emit("Pad", [x, g.constant(int64([1, 2])), undefined, g.constant(int64([-1]))])[0] as Value),
  on([4, 3], "Gather, repeated and negative indices", (g, x) => g.gather(x, g.constant(int64([1, 1, -1, 3], [2, 2])), 0)),
  on([2, 4, 3], "Gather along the middle", (g, x) => g.gather(x, g.constant(int64([2, 0])), -2)),
  on([2, 4], "Gather one", (g, x) => g.gather(x, g.constant(int64([2], [])), 1)),
  on([3, 3], "GatherElements", (g, x) => g.gatherElements(x, g.constant(int64([0, 0, 2, 1, -1, 1], [2, 3])), -2)),
  on([3, 1], "Expand", (g, x) => g.expand(x, [2, 3, 4])),
  on([2, 3], "Tile", (g, x) => g.tile(x, [2, 3])),
];
