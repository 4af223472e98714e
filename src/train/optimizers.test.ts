import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import type { Graph } from "../graph/graph.ts";
import { type Float32Tensor, float32 } from "../graph/tensor.ts";
import { mlp } from "../nn/zoo/mlp.ts";
import { smallCnn } from "../nn/zoo/small-cnn.ts";
import { adamw, type Optimizer, sgd } from "./optimizers.ts";
import { compileStep } from "./step.ts";
import { batchOf, hardLabels, runtime, sine } from "./train.fixture.ts";
import { withWeights } from "./trainable.ts";
import { createTrainer } from "./trainer.ts";

interface Case {
  readonly losses: readonly number[];
  readonly norms?: readonly number[];
  readonly tensors: Readonly<Record<string, readonly number[]>>;
}

/** As scripts/golden/optimizers.py writes it. */
const golden = JSON.parse(readFileSync(new URL("../../test/golden/optimizers.json", import.meta.url), "utf8")) as {
  readonly cases: Readonly<Record<string, Case>>;
};

/** 1 + x, element by element. */
const aboveOne = ({ data, shape }: Float32Tensor): Float32Tensor =>
  float32(
    data.map((value) => 1 + value),
    shape,
  );

function mlpGraph(): Graph {
  const weights = new Map([
    ["hidden1/weight", sine([8, 6], 0.8, 0.7, 0.3)],
    ["hidden1/bias", sine([8], 0.3, 1.1, 0.2)],
    ["classifier/weight", sine([4, 8], 0.8, 0.9, 0.5)],
    ["classifier/bias", sine([4], 0.3, 1.3, 0.1)],
  ]);
  return withWeights(mlp({ inputShape: [6], hidden: [8], classes: 4, seed: 0 }), weights);
}

function cnnGraph(): Graph {
  const stages = [
    [4, 2, 3, 3],
    [6, 4, 3, 3],
  ].flatMap((shape, index): [string, Float32Tensor][] => {
    const [unit, channels, stage] = [`stage${index + 1}/unit1`, shape.slice(0, 1), index + 1];
    return [
      [`${unit}/conv/weight`, sine(shape, 0.5, 0.7, stage)],
      [`${unit}/bn/scale`, aboveOne(sine(channels, 0.4, 1.1, stage))],
      [`${unit}/bn/bias`, sine(channels, 0.4, 1.3, stage)],
      [`${unit}/bn/mean`, sine(channels, 0.5, 0.9, stage)],
      [`${unit}/bn/variance`, aboveOne(sine(channels, 0.5, 0.8, stage))],
    ];
  });
  const weights = new Map([
    ...stages,
    ["classifier/weight", sine([4, 6], 0.8, 0.9, 0.5)] as const,
    ["classifier/bias", sine([4], 0.3, 1.3, 0.1)] as const,
  ]);
  return withWeights(smallCnn({ inputShape: [2, 4, 4], classes: 4, channels: [4, 6], depth: 1, seed: 0 }), weights);
}

interface Setting {
  readonly optimizer: Optimizer;
  readonly learningRate: number;
  readonly clipNorm?: number;
  readonly cnn?: boolean;
}

const settings: Readonly<Record<string, Setting>> = {
  sgd: { optimizer: sgd(), learningRate: 0.1 },
  "sgd with momentum": { optimizer: sgd({ momentum: 0.9 }), learningRate: 0.1 },
  "sgd with Nesterov momentum": { optimizer: sgd({ momentum: 0.9, nesterov: true }), learningRate: 0.1 },
  "sgd with weight decay": { optimizer: sgd({ momentum: 0.9, weightDecay: 0.05 }), learningRate: 0.1 },
  "sgd with clipping": { optimizer: sgd({ momentum: 0.9 }), learningRate: 0.1, clipNorm: 2.2 },
  adamw: { optimizer: adamw(), learningRate: 0.01 },
  "adamw with other betas": { optimizer: adamw({ beta1: 0.8, beta2: 0.95, epsilon: 1e-4, weightDecay: 0.3 }), learningRate: 0.01 },
  cnn: { optimizer: sgd({ momentum: 0.9, weightDecay: 0.01 }), learningRate: 0.1, cnn: true },
};

it("covers every golden case", () => {
  expect(Object.keys(settings)).toEqual(Object.keys(golden.cases));
});

it.each(Object.entries(settings))("%s: losses, weights and running statistics after 20 steps are PyTorch's", async (name, setting) => {
  const expected = golden.cases[name] as Case;
  const [student, sample] = setting.cnn ? [cnnGraph(), [2, 4, 4]] : [mlpGraph(), [6]];
  const step = compileStep({ student, batchSize: 5, losses: [hardLabels], optimizer: setting.optimizer, clipNorm: setting.clipNorm });
  const trainer = await createTrainer(runtime, step);
  for (const [index, loss] of expected.losses.entries()) {
    const batch = batchOf(sine([5, ...sample], 1.5, 0.37, index), [0, 2, 3, 1, 2], "input");
    const scalars = { learningRate: setting.learningRate, seed: 0, "weight:crossEntropy": 1, ...setting.optimizer.scalars(index + 1) };
    const metrics = await trainer.run(batch, scalars);
    expect(metrics.loss, `loss of step ${index + 1}`).toBeCloseTo(loss, 4);
    if (expected.norms) expect(metrics.gradientNorm, `norm of step ${index + 1}`).toBeCloseTo(expected.norms[index] as number, 4);
  }
  expect([...(await trainer.weights()).keys()].sort()).toEqual(Object.keys(expected.tensors).sort());
  for (const [tensor, values] of Object.entries(expected.tensors)) {
    const found = (await trainer.weights()).get(tensor)?.data as Float32Array;
    const worst = Math.max(...values.map((value, index) => Math.abs((found[index] as number) - value) / (1e-6 + 1e-4 * Math.abs(value))));
    expect(worst, `${tensor}: largest error, in units of 1e-6 + 1e-4·|value|`).toBeLessThan(1);
  }
  await trainer.release();
});
