import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Graph } from "../../graph/graph.ts";
import { float32 } from "../../graph/tensor.ts";
import { kdLoss } from "../../losses/kd.ts";
import { linear } from "../../nn/layers.ts";
import { mlp } from "../../nn/zoo/mlp.ts";
import { smallCnn } from "../../nn/zoo/small-cnn.ts";
import { channelBlockOf } from "../../runtime/channel-block.ts";
import { sgd } from "../optimizers.ts";
import { compileStep, type LossTerm, type StepOptions } from "../step.ts";
import { batchOf, hardLabels, runtime, sine, snapshot } from "../train.fixture.ts";
import { createTrainer } from "../trainer.ts";
import { compileProducts, createGradientMeter, type GradientProducts, normsOf, sharesOf } from "./gradient-shares.ts";

const soft: LossTerm = {
  name: "kd",
  teacher: { logits: [4] },
  build: ({ g, logits, teacher, scalar }) => kdLoss(g, logits, teacher("logits"), scalar("temperature")),
};
/** Has all that a loss may have of its own: an adapter with batch normalisation, and a memory that it changes. */
const hint: LossTerm = {
  name: "hint",
  build: ({ g, logits, module, memory }) => {
    const mean = memory("mean", float32([0, 0, 0]));
    const projected = module("adapter", [logits], (network, x) => linear(network, x, 3));
    mean.replace(g.reduceMean(projected, { axes: [0] }));
    const difference = g.sub(projected, mean.value);
    return g.reduceMean(g.mul(difference, difference));
  },
};
const losses = [hardLabels, soft, hint];

const cnn = smallCnn({ inputShape: [2, 8, 8], classes: 4, channels: [16, 32], depth: 1, dropout: 0.3, seed: 1 });
const channelBlock = await channelBlockOf(runtime);
const images = sine([5, 2, 8, 8], 1.5, 0.37, 0.2);
const perceptron = mlp({ inputShape: [6], hidden: [8], classes: 4, seed: 0, dropout: { hidden: 0.5 } });
const rows = sine([5, 6], 1.5, 0.37, 0);

const scalars = { learningRate: 1, seed: 3, "temperature:kd": 2 };

/** What a step is fed of a batch. */
const fed = (student: Graph) => ({
  ...batchOf(student === cnn ? images : rows, [0, 2, 3, 1, 2], student.inputs[0]?.name),
  "teacher:logits": sine([5, 4], 3, 1.1, 0.2),
});

/** The gradient of one term to the student's parameters, read off a step of plain descent on it alone. */
async function gradientOf(term: string, options: StepOptions): Promise<number[]> {
  const trainer = await createTrainer(runtime, compileStep(options));
  const before = snapshot(await trainer.state());
  const weights = Object.fromEntries(options.losses.map(({ name }) => [`weight:${name}`, Number(name === term)]));
  await trainer.run(fed(options.student), { ...scalars, ...weights });
  const after = snapshot(await trainer.state());
  await trainer.release();
  const isTrained = (name: string) => options.student.initializers.has(name) && !/mean|variance/.test(name);
  return Object.keys(before)
    .filter(isTrained)
    .flatMap((name) => Array.from(before[name] as Float32Array, (value, index) => value - (after[name]?.[index] as number)));
}

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, index) => sum + value * (b[index] as number), 0);

describe("the products of gradients", () => {
  it.each<[string, Graph, number | undefined]>([
    ["a perceptron with dropout", perceptron, undefined],
    ["a convolutional network with dropout", cnn, undefined],
    ["the same in blocks", cnn, channelBlock],
  ])("are those of the gradients that the step follows: %s", async (_, student, block) => {
    const options: StepOptions = { student, batchSize: 5, losses, optimizer: sgd(), seed: 1, channelBlock: block };
    const state = new Map(compileStep(options).state.map(({ name, initial }) => [name, initial]));
    const before = snapshot(state);
    const meter = await createGradientMeter(runtime, compileProducts(options));
    const { terms, products } = await meter.measure(fed(student), { ...scalars, "weight:crossEntropy": 7 }, state);
    expect(terms).toEqual(["crossEntropy", "kd", "hint"]);
    expect(snapshot(state)).toEqual(before);
    await meter.release();
    const gradients: number[][] = [];
    for (const term of terms) gradients.push(await gradientOf(term, options));
    const norms = gradients.map((gradient) => Math.sqrt(dot(gradient, gradient)));
    for (const [row, a] of gradients.entries()) {
      expect(norms[row]).toBeGreaterThan(1e-3);
      for (const [column, b] of gradients.entries()) {
        const scale = (norms[row] as number) * (norms[column] as number);
        expect((products[row * 3 + column] as number) / scale, `${terms[row]}, ${terms[column]}`).toBeCloseTo(dot(a, b) / scale, 3);
      }
    }
  });
});

/** The products of gradients given in full. */
const productsOf = (gradients: readonly (readonly number[])[]): GradientProducts => ({
  terms: gradients.map((_, index) => `term${index}`),
  products: Float32Array.from(gradients.flatMap((a) => gradients.map((b) => dot(a, b)))),
});

describe("shares of the gradient", () => {
  const number = fc.double({ min: -10, max: 10, noNaN: true });
  const terms = fc.integer({ min: 1, max: 5 }).chain((count) =>
    fc.record({
      gradients: fc.array(fc.array(number, { minLength: 4, maxLength: 4 }), { minLength: count, maxLength: count }),
      weights: fc.array(fc.double({ min: 0, max: 10, noNaN: true }), { minLength: count, maxLength: count }),
    }),
  );
  const named = (weights: readonly number[]) => Object.fromEntries(weights.map((weight, index) => [`term${index}`, weight]));

  it("are the projections on the whole, sum to 1, and do not change with the scale", () => {
    fc.assert(
      fc.property(terms, fc.double({ min: 0.1, max: 10, noNaN: true }), ({ gradients, weights }, scale) => {
        const whole = [0, 1, 2, 3].map((place) => gradients.reduce((sum, g, i) => sum + (weights[i] as number) * (g[place] as number), 0));
        fc.pre(dot(whole, whole) > 1);
        const shares = sharesOf(productsOf(gradients), named(weights));
        const values = Object.values(shares ?? {});
        expect(values.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
        const scaled = Object.values(sharesOf(productsOf(gradients), named(weights.map((weight) => weight * scale))) ?? {});
        gradients.forEach((gradient, index) => {
          expect(values[index]).toBeCloseTo(((weights[index] as number) * dot(gradient, whole)) / dot(whole, whole), 2);
          expect(scaled[index]).toBeCloseTo(values[index] as number, 6);
        });
      }),
    );
  });

  it("tell what works against the others, and nothing of gradients that cancel out or are no numbers", () => {
    const opposed = productsOf([
      [3, 1],
      [-1, 0],
    ]);
    expect(sharesOf(opposed, named([1, 1]))).toEqual({ term0: 7 / 5, term1: -2 / 5 });
    expect(sharesOf(opposed, named([1, 0]))).toMatchObject({ term0: 1 });
    expect(sharesOf(productsOf([[1], [-1]]), named([1, 1]))).toBeUndefined();
    expect(sharesOf(productsOf([[Number.NaN], [1]]), named([1, 1]))).toBeUndefined();
    expect(normsOf(opposed)).toEqual({ term0: Math.sqrt(10), term1: 1 });
  });
});
