import { int } from "../../graph/attributes.ts";
import type { Value } from "../../graph/graph.ts";
import { int64 } from "../../graph/tensor.ts";
import type { GradientCase, TestInput } from "../finite-differences.ts";

const reduction = (op: string, input: Omit<TestInput, "shape"> = {}): GradientCase[] =>
  [
    { axes: undefined, keep: 0, note: "all axes" },
    { axes: [1], keep: 1, note: "axis 1, kept" },
    { axes: [-1, 0], keep: 0, note: "axes -1 and 0" },
  ].map(({ axes, keep, note }) => ({
    name: `${op}, ${note}`,
    inputs: [{ shape: [2, 3, 4], ...input }],
    build: (g, x) => g.emit(op, axes ? [x, g.constant(int64(axes))] : [x], { attributes: { keepdims: int(keep) } })[0] as Value,
  }));

export const reductionCases: readonly GradientCase[] = [
  ...reduction("ReduceSum"),
  ...reduction("ReduceMean"),
  ...reduction("ReduceMax", { distinct: true }),
  ...reduction("ReduceMin", { distinct: true }),
  ...reduction("ReduceProd"),
  ...[1, 2].map(
    (zeros): GradientCase => ({
      name: `ReduceProd of ${zeros} zeros and others`,
      inputs: [{ shape: [2, 2] }, { shape: [2, zeros], range: [0, 0] }],
      build: (g, ...parts) => g.reduceProd(g.concat(parts, 1), { axes: [1] }),
    }),
  ),
  ...[0, 1].flatMap((exclusive) =>
    [0, 1].map(
      (reverse): GradientCase => ({
        name: `CumSum, exclusive ${exclusive}, reverse ${reverse}`,
        inputs: [{ shape: [2, 4, 3] }],
        build: (g, x) =>
          g.emit("CumSum", [x, g.scalar(-2, "int64")], { attributes: { exclusive: int(exclusive), reverse: int(reverse) } })[0] as Value,
      }),
    ),
  ),
  ...reduction("ReduceSumSquare"),
  ...reduction("ReduceL1", { distinct: true }),
  ...reduction("ReduceL2"),
  ...reduction("ReduceLogSum", { range: [0.5, 2] }),
  ...reduction("ReduceLogSumExp"),
  {
    name: "ReduceSum, no axes and none wanted",
    inputs: [{ shape: [2, 3] }],
    build: (g, x) => g.emit("ReduceSum", [x], { attributes: { noop_with_empty_axes: int(1) } })[0] as Value,
  },
];
