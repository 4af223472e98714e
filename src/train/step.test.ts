import { describe, expect, it } from "vitest";
import { LimbeckError } from "../errors.ts";
import { graphBuilder } from "../graph/builder/builder.ts";
import type { Graph } from "../graph/graph.ts";
import { type Float32Tensor, float32, int32, int64 } from "../graph/tensor.ts";
import { kdLoss } from "../losses/kd.ts";
import { mlp } from "../nn/zoo/mlp.ts";
import { smallCnn } from "../nn/zoo/small-cnn.ts";
import { adamw, sgd } from "./optimizers.ts";
import { averageOf, type CompiledStep, compileStep, LABELS, type LossTerm, type StepOptions } from "./step.ts";
import { batchOf, hardLabels, network, runtime, sine, snapshot } from "./train.fixture.ts";
import { createTrainer } from "./trainer.ts";

const softTargets: LossTerm = {
  name: "kd",
  teacher: { logits: [4] },
  build: ({ g, logits, teacher }) => kdLoss(g, logits, teacher("logits"), 2),
};

const cnn = smallCnn({ inputShape: [2, 4, 4], classes: 4, channels: [4, 6], depth: 1, seed: 1 });
const images = (step: number): Float32Tensor => sine([5, 2, 4, 4], 1.5, 0.37, step);
const labels = [0, 2, 3, 1, 2];

function compiled(student: Graph, options: Partial<StepOptions> = {}): CompiledStep {
  return compileStep({ student, batchSize: 5, losses: [hardLabels], optimizer: sgd({ momentum: 0.9, weightDecay: 0.1 }), ...options });
}

/** The state after each of so many steps, the last weights, and the last step's metrics. */
async function after(steps: number, step: CompiledStep, scalars: Readonly<Record<string, number>> = {}) {
  const trainer = await createTrainer(runtime, step);
  let metrics: Record<string, number> = {};
  const history: Record<string, Float32Array>[] = [];
  const inputs =
    step.graph.inputs.find(({ name }) => name === step.batch.inputs[0])?.shape.length === 2 ? () => sine([5, 6], 1.5, 0.37, 0) : images;
  for (let taken = 0; taken < steps; taken++) {
    const teacher = Object.fromEntries(step.batch.teacher.map((name) => [`teacher:${name}`, sine([5, 4], 3, 1.1, 0.2)]));
    metrics = await trainer.run(
      { ...batchOf(inputs(taken), labels, step.batch.inputs[0]), ...teacher },
      { learningRate: 0.1, seed: taken, "weight:crossEntropy": 1, ...step.optimizer.scalars(taken + 1), ...scalars },
    );
    history.push(snapshot(await trainer.state()));
  }
  const found = { history, state: history.at(-1) ?? {}, weights: snapshot(await trainer.weights()), metrics };
  await trainer.release();
  return found;
}

describe("a compiled step", () => {
  it("reports each term, their weighted sum, the number of correct answers and the norm of the gradients", async () => {
    const step = compiled(cnn, { losses: [hardLabels, softTargets], clipNorm: 1e6 });
    expect(step.metrics).toEqual(["crossEntropy", "kd", "loss", "correct", "gradientNorm"]);
    expect(step.batch).toEqual({ inputs: ["input"], labels: "step:labels", teacher: ["logits"] });
    const { metrics } = await after(1, step, { "weight:crossEntropy": 0.3, "weight:kd": 2 });
    expect(metrics.loss).toBeCloseTo(0.3 * (metrics.crossEntropy as number) + 2 * (metrics.kd as number), 4);
    expect(metrics.gradientNorm).toBeGreaterThan(0);
    expect((await after(1, step, { "weight:crossEntropy": 0, "weight:kd": 1 })).metrics.loss).toBe(metrics.kd);
  });

  it("takes networks of several inputs, of any type", async () => {
    const g = graphBuilder("embedding");
    const [ids, scale] = [g.input("ids", "int64", ["N", "S"]), g.input("scale", "float32", ["N", 1])];
    const embedded = g.gather(g.initializer("table", sine([7, 3], 1, 1, 0)), ids, 0);
    g.output(g.mul(g.reduceMean(embedded, { axes: [1] }), scale), "logits");
    const step = compiled(g.build(), { batchSize: 2, sizes: { S: 4 } });
    expect(step.batch.inputs).toEqual(["ids", "scale"]);
    const trainer = await createTrainer(runtime, step);
    const batch = {
      ids: int64([0, 1, 2, 3, 0, 1, 2, 6], [2, 4]),
      scale: float32([1, 2], [2, 1]),
      [LABELS]: int32([0, 1]),
    };
    const run = () => trainer.run(batch, { learningRate: 1, seed: 0, "weight:crossEntropy": 1 });
    const [first, second] = [await run(), await run()];
    expect(second.loss).toBeLessThan(first.loss as number);
    await trainer.release();
  });

  it("counts correct answers", async () => {
    const identity = network([3], (g, x) => g.add(x, g.initializer("bias", float32([0, 0, 0]))));
    const trainer = await createTrainer(runtime, compileStep({ student: identity, batchSize: 4, losses: [hardLabels], optimizer: sgd() }));
    const rows = float32([9, 1, 0, 0, 9, 1, 0, 1, 9, 3, 2, 1], [4, 3]);
    const correct = async (answers: number[]) =>
      (await trainer.run(batchOf(rows, answers), { learningRate: 0, seed: 0, "weight:crossEntropy": 1 })).correct;
    expect([await correct([0, 1, 2, 0]), await correct([0, 2, 2, 1]), await correct([1, 2, 0, 2])]).toEqual([4, 2, 0]);
    await trainer.release();
  });

  it("leaves frozen weights alone and trains the rest", async () => {
    const free = compiled(cnn);
    const frozen = compiled(cnn, { frozen: ["stage1/*", "classifier/bias"] });
    const kept = free.weights.filter((name) => name.startsWith("stage1/") || name === "classifier/bias");
    expect(kept).toHaveLength(6);
    expect([...frozen.weights].sort()).toEqual(free.weights.filter((name) => !kept.includes(name)).sort());
    expect(frozen.state.some(({ name }) => kept.some((part) => name.endsWith(part)))).toBe(false);
    const { weights } = await after(3, frozen);
    for (const [name, data] of Object.entries(weights)) expect(data, name).not.toEqual(cnn.initializers.get(name)?.data);
    expect(() => compiled(cnn, { frozen: ["*"] })).toThrow(LimbeckError);
  });

  it("takes dots in frozen patterns for dots", () => {
    const named = network([3], (g, x) => g.add(g.mul(x, g.store("a.w", float32([1, 1, 1]))), g.store("abw", float32([0, 0, 0]))));
    expect(compiled(named, { frozen: ["a.w"] }).weights).toEqual(["abw"]);
  });

  it("normalises by the given statistics where the running mean is frozen", async () => {
    const mean = "stage1/unit1/bn/mean";
    const { weights } = await after(2, compiled(cnn, { frozen: [mean] }));
    expect(Object.keys(weights).filter((name) => name.startsWith("stage1/unit1/bn/"))).toEqual([
      "stage1/unit1/bn/scale",
      "stage1/unit1/bn/bias",
    ]);
  });

  it("keeps decay·average + (1 − decay)·weight of parameters and running statistics", async () => {
    const decay = 0.75;
    const averaged = compiled(cnn, { average: true });
    const scalars = { averageDecay: decay };
    const expected = Object.fromEntries(
      averaged.weights.map((name) => [name, Array.from(cnn.initializers.get(name)?.data as Float32Array)]),
    );
    const { history, state, weights } = await after(4, averaged, scalars);
    for (const state of history) {
      for (const name of averaged.weights)
        expected[name] = (expected[name] as number[]).map((old, index) => decay * old + (1 - decay) * (state[name]?.[index] as number));
    }
    for (const name of averaged.weights) {
      expect(weights[name]).toEqual(state[averageOf(name)]);
      (expected[name] as number[]).forEach((value, index) => {
        expect(weights[name]?.[index], `${name}[${index}]`).toBeCloseTo(value, 5);
      });
    }
    // Averaging watches; it does not change what is trained.
    const { state: plain } = await after(4, compiled(cnn));
    for (const name of averaged.weights) expect(state[name]).toEqual(plain[name]);
  });

  it("does not touch the network's own weights, nor one run another's", async () => {
    const before = Array.from(cnn.initializers, ([name, { data }]) => [name, Float32Array.from(data as Float32Array)] as const);
    const step = compiled(cnn);
    const [first, second] = [await after(3, step), await after(3, step)];
    expect(second).toEqual(first);
    for (const [name, data] of before) expect(Float32Array.from(cnn.initializers.get(name)?.data as Float32Array), name).toEqual(data);
  });

  it("takes networks whose values are called like those of the step", async () => {
    const { metrics } = await after(
      1,
      compiled(
        network([6], (g, x) => {
          // Dropout in its training form multiplies, and so would take the name of the node after it.
          const y = g.mul(g.dropout(g.add(x, 1), 0.5), g.initializer("scale", float32(new Float32Array(6).fill(1))));
          return g.gemm(y, g.initializer("weight", sine([4, 6], 1, 0.7, 0.1)), undefined, { transposeB: true });
        }),
      ),
    );
    expect(metrics.loss).toBeGreaterThan(0);
  });
});

describe("dropout while training", () => {
  const FEATURES = 4000;
  const ones = (shape: readonly number[]) => float32(new Float32Array(FEATURES).fill(1), shape);

  /** What one step multiplies each feature by, read off the gradient of a gate before `layers` dropouts of a quarter. */
  async function masks(layers: number, ...seeds: readonly number[]): Promise<Float32Array[]> {
    const student = network([FEATURES], (g, x) => {
      let y = g.mul(x, g.store("gate", ones([FEATURES])));
      for (let layer = 0; layer < layers; layer++) y = g.dropout(y, 0.25);
      return g.gemm(y, g.store("sum", ones([1, FEATURES])), undefined, { transposeB: true });
    });
    const losses: readonly LossTerm[] = [{ name: "sum", build: ({ g, logits }) => g.reduceSum(logits) }];
    const trainer = await createTrainer(runtime, compileStep({ student, batchSize: 1, losses, optimizer: sgd(), frozen: ["sum"] }));
    const found: Float32Array[] = [];
    for (const seed of seeds) {
      const before = snapshot(await trainer.state()).gate as Float32Array;
      await trainer.run(batchOf(ones([1, FEATURES]), [0]), { learningRate: 1, seed, "weight:sum": 1 });
      const after = snapshot(await trainer.state()).gate as Float32Array;
      found.push(before.map((value, index) => Math.round(1e4 * (value - (after[index] as number))) / 1e4));
    }
    await trainer.release();
    return found;
  }

  const shareOfZeros = (mask: Float32Array | undefined): number => (mask?.filter((value) => value === 0).length ?? 0) / FEATURES;

  it("zeroes its share and scales the rest, by the step's seed alone", async () => {
    const [first, again, other] = await masks(1, 1, 1, 2);
    expect(new Set(first)).toEqual(new Set([0, Math.fround(1.3333)]));
    // Five standard deviations of the share are 0.034.
    expect(Math.abs(shareOfZeros(first) - 0.25)).toBeLessThan(0.035);
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
    expect((await masks(1, 7, 2))[1]).toEqual(other);
  });

  it("draws anew in each layer", async () => {
    const [mask] = await masks(2, 3);
    expect(Math.abs(shareOfZeros(mask) - (1 - 0.75 ** 2))).toBeLessThan(0.04);
  });
});

describe("what a step refuses", () => {
  const student = mlp({ inputShape: [6], hidden: [8], classes: 4, seed: 0 });
  it.each<[string, Partial<StepOptions>, RegExp]>([
    ["no losses", { losses: [] }, /no loss/],
    [
      "a loss on an unknown tensor",
      { losses: [{ name: "hint", build: ({ student: inner }) => inner("stage9") }] },
      /no tensor named "stage9"/,
    ],
    [
      "dropout of everything",
      { student: mlp({ inputShape: [6], hidden: [8], classes: 4, dropout: { input: 1 }, seed: 0 }) },
      /probability 1/,
    ],
    [
      "an output that is not [batch, classes]",
      { student: network([4, 6], (g, x) => g.add(x, g.initializer("w", sine([6], 1, 1, 1)))) },
      /\[batch, classes\]/,
    ],
  ])("%s", (_, options, message) => {
    const attempt = () => compiled(student, options);
    expect(attempt).toThrow(LimbeckError);
    expect(attempt).toThrow(message);
  });

  it("a state of another network, or a missing scalar", async () => {
    const step = compiled(student, { optimizer: adamw() });
    const state = new Map(step.state.slice(1).map(({ name, initial }) => [name, initial]));
    await expect(createTrainer(runtime, step, state)).rejects.toThrow(/"hidden1\/weight" is missing/);
    const trainer = await createTrainer(runtime, step);
    await expect(trainer.run(batchOf(sine([5, 6], 1, 1, 1), labels, "input"), { learningRate: 1, seed: 1 })).rejects.toThrow(
      /needs a value for/,
    );
    await trainer.release();
  });
});
