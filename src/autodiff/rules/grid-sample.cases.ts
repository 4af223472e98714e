import { int, string } from "../../graph/attributes.ts";
import type { Attributes, Value } from "../../graph/graph.ts";
import { float32, int64 } from "../../graph/tensor.ts";
import type { GradientCase } from "../finite-differences.ts";

/** Samples an image [2, 3, 4, 5] at six positions, that vary between its elements, far from the edges between them. */
const sampled = (note: string, attributes: Attributes, positions: readonly (readonly [number, number])[]): GradientCase => ({
  name: `GridSample, ${note}`,
  inputs: [{ shape: [2, 3, 4, 5] }, { shape: [2, 2, 3, 2], range: [-1, 1] }],
  build: (g, x, shift) => {
    const isAligned = attributes.align_corners !== undefined;
    const coordinate = (position: number, size: number) => (isAligned ? (2 * position) / (size - 1) - 1 : (2 * position + 1) / size - 1);
    const base = positions.flatMap(([row, column]) => [coordinate(column, 5), coordinate(row, 4)]);
    const grid = g.add(g.mul(shift as Value, 0.1), g.constant(float32([...base, ...base], [2, 2, 3, 2])));
    return g.emit("GridSample", [x, grid], { attributes })[0] as Value;
  },
  onlyFloat32: true,
});

const inside = [
  [0.5, 0.4],
  [1.6, 2.5],
  [2.5, 3.5],
  [0.4, 3.6],
  [1.5, 1.5],
  [2.6, 0.5],
] as const;
const across = [
  [-0.5, 0.4],
  [1.6, 4.5],
  [3.5, 4.4],
  [-2.5, 1.5],
  [1.5, 1.5],
  [2.6, 7.5],
] as const;

const rotation = (shape: readonly number[], size: readonly number[], isAligned: number): GradientCase => ({
  name: `AffineGrid of [${size}]${isAligned ? ", aligned" : ""}`,
  inputs: [{ shape }],
  build: (g, theta) =>
    g.emit("AffineGrid", [theta, g.constant(int64(size))], { attributes: { align_corners: int(isAligned) } })[0] as Value,
});

export const gridSampleCases: readonly GradientCase[] = [
  sampled("linear", { mode: string("linear") }, inside),
  sampled("linear, aligned corners", { align_corners: int(1) }, inside),
  sampled("linear, zeros outside", { padding_mode: string("zeros") }, across),
  sampled("linear, the border outside", { padding_mode: string("border") }, across),
  sampled("linear, the border outside, aligned corners", { padding_mode: string("border"), align_corners: int(1) }, across),
  sampled("nearest", { mode: string("nearest") }, [
    [0.1, 0.9],
    [2.1, 3.1],
    [-0.9, 2],
    [3, 4],
    [4.1, 0],
    [1, 1.1],
  ]),
  {
    name: "GridSample of a volume",
    inputs: [{ shape: [1, 2, 2, 3, 2] }, { shape: [1, 2, 1, 1, 3], range: [-0.1, 0.1] }],
    build: (g, x, shift) => {
      const base = g.constant(float32([0.2, -0.3, 0.1, -0.2, 0.4, 1.2], [1, 2, 1, 1, 3]));
      return g.emit("GridSample", [x, g.add(shift as Value, base)])[0] as Value;
    },
    onlyFloat32: true,
  },
  rotation([2, 2, 3], [2, 1, 3, 4], 0),
  rotation([2, 2, 3], [2, 1, 3, 4], 1),
  rotation([1, 3, 4], [1, 1, 2, 3, 1], 1),
];
