import { describe, expect, it } from "vitest";
import { gradientMismatches } from "../autodiff/finite-differences.ts";
import type { Value } from "../graph/graph.ts";
import { float32, type Tensor } from "../graph/tensor.ts";
import { hashedWeight } from "../nn/hashed-weights.fixture.ts";
import { nodeRuntime } from "../runtime/node.ts";
import { factor } from "./factor.ts";
import type { FeatureLoss, FeaturePair, LossParts } from "./loss.ts";
import { expectGolden, goldenTensors, type LossOf, measure, partsIn } from "./losses.fixture.ts";
import { builtBy, extremeMaps, torchValues, weightedCase } from "./maps.fixture.ts";
import { averageTo, nearestTo } from "./maps.ts";
import { hierarchicalContextLoss, review } from "./review.ts";
import { INITIAL_RHO, vid, vidLoss } from "./vid.ts";

const runtime = nodeRuntime({ threads: 1 });

const big = float32(
  Array.from({ length: 4 * 5 * 8 * 8 }, (_, index) => Math.cos(0.21 * index + 0.3)),
  [4, 5, 8, 8],
);
const tensors: Readonly<Record<string, Tensor>> = { ...goldenTensors, big };

/** A loss by its definition, with the weights of scripts/golden/losses-maps.py. */
const hashed =
  <S, O>(
    loss: FeatureLoss<string, S, O>,
    pairsOf: (parts: LossParts, values: Readonly<Record<string, Value>>) => FeaturePair[],
    options = {},
  ): LossOf =>
  (parts, values) => {
    const own = partsIn(parts.g, (name, { shape }) => parts.g.store(name, hashedWeight(name, shape)));
    return builtBy(loss, own, pairsOf(parts, values), { options });
  };

const smallPair = ({ g }: LossParts, { fs, ft2 }: Readonly<Record<string, Value>>): FeaturePair[] => [
  { student: averageTo(g, fs as Value, [2, 2]), teacher: ft2 as Value },
];
const reviewPairs = (_: LossParts, { fs, fsB, big, ft2 }: Readonly<Record<string, Value>>): FeaturePair[] => [
  { student: fs as Value, teacher: big as Value },
  { student: fsB as Value, teacher: ft2 as Value },
];

describe("losses on feature maps with layers of their own", () => {
  it("vid has RepDistiller's values, with regressors that do nothing but their ReLU", async () => {
    const loss: LossOf = ({ g }, { fs, ft }) => {
      const rho = g.constant(float32([INITIAL_RHO, INITIAL_RHO, INITIAL_RHO]));
      return vidLoss(g, g.relu(fs as Value), ft as Value, rho);
    };
    await expectGolden("VID (identity 1x1 regressors w/ ReLUs, init_var 5)", loss, "fs");
  });

  it.each<[string, LossOf, string]>([
    ["FT paper, translator to ft2", hashed(factor, smallPair, { form: "paper", translator: true }), "fs"],
    ["VID, regressor to ft2", hashed(vid, smallPair), "fs"],
    [
      "ReviewKD hcl 8x8",
      ({ g }, { fs, big }) =>
        hierarchicalContextLoss(g, nearestTo(g, fs as Value, [8, 8]), g.slice(big as Value, [{ axis: 1, start: 0, end: 3 }])),
      "fs",
    ],
    ["ReviewKD [fs,fsB] vs [big,ft2], fs", hashed(review, reviewPairs), "fs"],
    ["ReviewKD [fs,fsB] vs [big,ft2], fsB", hashed(review, reviewPairs), "fsB"],
  ])("have PyTorch's values of %s", async (name, loss, wrt) => {
    await expectGolden(name, loss, wrt, tensors, torchValues);
  });

  it("have gradients, to their weights too, that agree with central differences", async () => {
    const pairs = (values: readonly Value[]) =>
      values
        .slice(0, values.length / 2)
        .map((student, index): FeaturePair => ({ student, teacher: values[values.length / 2 + index] as Value }));
    const inputs = [{ shape: [2, 3, 4, 4] }, { shape: [2, 2, 2, 2] }, { shape: [2, 3, 4, 4] }, { shape: [2, 4, 2, 2] }];
    const reviewed = weightedCase("review", inputs, (parts, ...values) => builtBy(review, parts, pairs(values)));
    expect(await gradientMismatches(runtime, reviewed)).toEqual([]);
    // Positive, so that no step crosses the kink of a ReLU.
    const range = [0.2, 1] as const;
    const maps = [{ shape: [2, 2, 2, 2], range }, { shape: [2, 3, 2, 2] }];
    const variational = weightedCase("vid", maps, (parts, ...values) => builtBy(vid, parts, pairs(values)), range);
    expect(await gradientMismatches(runtime, variational)).toEqual([]);
    const options = { form: "paper", translator: true };
    const translated = weightedCase("factor", maps, (parts, ...values) => builtBy(factor, parts, pairs(values), { options }), range);
    expect(await gradientMismatches(runtime, translated)).toEqual([]);
  });

  it.each(Object.keys(extremeMaps))("are finite for %s", async (extreme) => {
    const losses: Readonly<Record<string, LossOf>> = {
      vid: (parts, { student, teacher }) => builtBy(vid, parts, [{ student: student as Value, teacher: teacher as Value }]),
      review: (parts, { student, teacher }) => builtBy(review, parts, [{ student: student as Value, teacher: teacher as Value }]),
      factor: (parts, { student, teacher }) =>
        builtBy(factor, parts, [{ student: student as Value, teacher: teacher as Value }], { options: { translator: true } }),
    };
    for (const loss of Object.values(losses)) {
      const { loss: value, gradient } = await measure(loss, extremeMaps[extreme] ?? {});
      expect(Number.isFinite(value) && gradient.every(Number.isFinite)).toBe(true);
    }
  });

  it("vid is least where the variance is the mean squared error", async () => {
    const error = 0.3;
    const at = async (variance: number): Promise<number> => {
      const loss: LossOf = ({ g }, { student }) => {
        const rho = g.constant(float32([Math.log(Math.expm1(variance - 1e-5))]));
        return vidLoss(g, student as Value, g.add(student as Value, Math.sqrt(error)), rho);
      };
      return (await measure(loss, { student: float32([1, 2, 3, 4], [1, 1, 2, 2]) })).loss;
    };
    expect(await at(error)).toBeCloseTo(0.5 * (1 + Math.log(error)), 5);
    expect(await at(0.9 * error)).toBeGreaterThan(await at(error));
    expect(await at(1.1 * error)).toBeGreaterThan(await at(error));
  });
});
