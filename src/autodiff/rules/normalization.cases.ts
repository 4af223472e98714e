import { float, int } from "../../graph/attributes.ts";
import type { GraphBuilder } from "../../graph/builder/builder.ts";
import type { Value } from "../../graph/graph.ts";
import type { GradientCase } from "../finite-differences.ts";
import { operator } from "./elementwise.cases.ts";

const variance = { shape: [3], range: [0.5, 2] } as const;

/** Every output of a node counts, in a way of its own. */
const joined = (g: GraphBuilder, [y, ...statistics]: readonly (Value | undefined)[]): Value =>
  statistics.reduce<Value>((sum, statistic) => g.add(sum, g.reduceSum(g.mul(statistic as Value, statistic as Value))), y as Value);

const training = (shape: readonly number[]): GradientCase => ({
  name: `BatchNormalization in training, [${shape}]`,
  inputs: [{ shape }, { shape: [3] }, { shape: [3] }],
  build: (g, x, scale, bias) => {
    const { y, mean, variance } = g.trainingBatchNormalization(x as Value, scale as Value, bias as Value, 0.1);
    return joined(g, [y, mean, variance]);
  },
});

export const normalizationCases: readonly GradientCase[] = [
  operator("BatchNormalization", [[2, 3, 4], [3], [3], [3], variance], { epsilon: float(0.1) }, "few pixels"),
  operator("BatchNormalization", [[2, 3, 5, 4], [3], [3], [3], variance], {}, "many pixels"),
  operator("BatchNormalization", [[4, 3], [3], [3], [3], variance], {}, "no pixels"),
  training([2, 3, 5, 4]),
  training([3, 3, 2]),
  training([8, 3]),
  {
    name: "BatchNormalization in training with momentum",
    inputs: [{ shape: [2, 3, 5, 4] }, { shape: [3] }, { shape: [3] }, { shape: [3] }, variance],
    build: (g, x, scale, bias, mean, old) => {
      // The runtime overwrites these two inputs, so they must not be tensors that the test feeds again.
      const own = [g.mul(mean as Value, 1.5), g.mul(old as Value, 2)];
      return joined(
        g,
        g.emit("BatchNormalization", [x, scale, bias, ...own], {
          attributes: { training_mode: int(1), momentum: float(0.75) },
          outputs: 3,
        }),
      );
    },
  },
  {
    name: "BatchNormalization in training, twice on the same input",
    inputs: [{ shape: [2, 3, 5, 4] }, { shape: [3] }, { shape: [3] }, { shape: [3] }],
    build: (g, x, scale, other, bias) => {
      const first = g.trainingBatchNormalization(x as Value, scale as Value, bias as Value, 0.1);
      const second = g.trainingBatchNormalization(g.mul(first.y, 3), scale as Value, bias as Value, 0.1);
      return g.add(
        joined(g, [first.y, first.mean, first.variance]),
        g.mul(second.y, g.trainingBatchNormalization(x as Value, other as Value, bias as Value, 0.1).y),
      );
    },
  },
  operator("LayerNormalization", [[3, 6], [6], [6]]),
  operator("LayerNormalization", [[3, 6], [6]], { epsilon: float(0.1) }, "no bias"),
  operator(
    "LayerNormalization",
    [
      [2, 3, 4],
      [3, 4],
      [3, 4],
    ],
    { axis: int(-2) },
    "two axes",
  ),
  operator(
    "LayerNormalization",
    [
      [2, 3, 4],
      [3, 4],
      [3, 4],
    ],
    { axis: int(1) },
    "axis 1",
  ),
  {
    name: "LayerNormalization, all three outputs",
    inputs: [{ shape: [2, 3, 4] }, { shape: [3, 4] }, { shape: [3, 4] }],
    build: (g, ...inputs) => {
      const [y, mean, r] = g.emit("LayerNormalization", inputs, { attributes: { axis: int(1), epsilon: float(0.1) }, outputs: 3 });
      const [x] = inputs as [Value];
      return joined(g, [y, ...[mean, r].map((statistic) => g.cast(statistic as Value, x.type))]);
    },
    onlyFloat32: true,
  },
  {
    name: "LayerNormalization, the mean only",
    inputs: [{ shape: [2, 6] }, { shape: [6] }],
    build: (g, ...inputs) => g.emit("LayerNormalization", inputs, { outputs: 2 })[1] as Value,
    onlyFloat32: true,
  },
  operator("LRN", [[2, 5, 3, 2]], { size: int(3), alpha: float(0.9), beta: float(0.6), bias: float(1.5) }),
  operator("InstanceNormalization", [[2, 3, 5, 4], [3], [3]], { epsilon: float(0.1) }),
  { ...operator("GroupNormalization", [[2, 6, 5], [6], [6]], { num_groups: int(2) }), onlyFloat32: true },
  {
    ...operator("GroupNormalization", [[2, 4, 5, 4], [4], [4]], { num_groups: int(2), epsilon: float(0.1) }, "many pixels"),
    onlyFloat32: true,
  },
];
