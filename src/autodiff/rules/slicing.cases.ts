import { string } from "../../graph/attributes.ts";
import type { GraphBuilder } from "../../graph/builder/builder.ts";
import type { Value } from "../../graph/graph.ts";
import { int64 } from "../../graph/tensor.ts";
import type { GradientCase } from "../finite-differences.ts";

/** A case on one input of this shape. */
const on = (shape: readonly number[], name: string, build: (g: GraphBuilder, x: Value) => Value): GradientCase => ({
  name,
  inputs: [{ shape }],
  build: (g, x) => build(g, x as Value),
});

type Ranges = Parameters<GraphBuilder["slice"]>[1];
const slice = (name: string, shape: readonly number[], ranges: Ranges): GradientCase =>
  on(shape, `Slice, ${name}`, (g, x) => g.slice(x, ranges));

const pad = (mode: string, shape: readonly number[], pads: readonly number[], axes?: readonly number[]): GradientCase =>
  on(
    shape,
    `Pad, ${mode}, [${shape}] by [${pads}]`,
    (g, x) =>
      g.emit("Pad", [x, g.constant(int64(pads)), undefined, axes && g.constant(int64(axes))], {
        attributes: { mode: string(mode) },
      })[0] as Value,
  );

const END = 2 ** 63;

export const slicingCases: readonly GradientCase[] = [
  slice(
    "a part",
    [4, 5],
    [
      { axis: 0, start: 1, end: 3 },
      { axis: -1, start: -4, end: 2 ** 31 },
    ],
  ),
  slice(
    "every second",
    [4, 5],
    [
      { axis: 1, start: 1, end: 5, step: 2 },
      { axis: 0, start: 1, end: 4 },
    ],
  ),
  slice(
    "every second and third",
    [2, 7, 8],
    [
      { axis: 1, start: 0, end: END, step: 3 },
      { axis: 2, start: 1, end: END, step: 2 },
    ],
  ),
  slice("every second row", [7, 3], [{ axis: 0, start: 0, end: 6, step: 2 }]),
  slice("a step beyond the end", [7, 3], [{ axis: 0, start: 2, end: 7, step: 9 }]),
  slice(
    "reversed",
    [4, 5],
    [
      { axis: 0, start: -1, end: -9, step: -1 },
      { axis: 1, start: 3, end: 0, step: -2 },
    ],
  ),
  on([2, 3], "Slice, nothing of it", (g, x) => g.concat([g.slice(x, [{ axis: 1, start: 2, end: 2 }]), x], 1)),
  on([2, 3], "Pad", (g, x) => g.pad(x, [1, 0, 2, 3])),
  on([4, 3], "Pad, cutting", (g, x) => g.pad(x, [-1, 1, 2, -1])),
  on([2, 3], "Pad, named axes", (g, x) => g.emit("Pad", [x, g.constant(int64([1, 2])), undefined, g.constant(int64([-1]))])[0] as Value),
  {
    name: "Pad by a learnt value",
    inputs: [{ shape: [2, 3] }, { shape: [] }],
    build: (g, x, value) => g.emit("Pad", [x, g.constant(int64([1, -1, 2, 0])), value])[0] as Value,
  },
  ...["reflect", "edge", "wrap"].flatMap((mode) => [
    pad(mode, [1, 2, 4, 5], [0, 0, 1, 2, 0, 0, 3, 1]),
    pad(mode, [2, 3, 4], [0, 2, 0, 1, 0, 2]),
    pad(mode, [2, 5], [3, 2], [-1]),
  ]),
  pad("edge", [1, 3000], [1, 2], [1]),
  pad("wrap", [1, 3], [3, 2], [1]),
];
