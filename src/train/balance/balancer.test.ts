import { describe, expect, it } from "vitest";
import { mlp } from "../../nn/zoo/mlp.ts";
import { sgd } from "../optimizers.ts";
import { compileStep, type LossTerm } from "../step.ts";
import { batchOf, hardLabels, runtime, sine } from "../train.fixture.ts";
import { createTrainer } from "../trainer.ts";
import { type Balancer, balancer } from "./balancer.ts";
import { gradientNorms } from "./gradient-norms.ts";
import { compileProducts, createGradientMeter, type GradientMeter, normsOf } from "./gradient-shares.ts";
import type { BalanceRule } from "./rule.ts";

const terms = ["a", "b"];
const scalars = { learningRate: 0.1, "weight:a": 1, "weight:b": 3 };
const state = async () => new Map();

/** Gives orthogonal gradients of norms 1 and 2, and counts how often it is asked. */
function countingMeter(): GradientMeter & { asked: number } {
  const meter = {
    asked: 0,
    measure: async () => {
      meter.asked++;
      return { terms, products: Float32Array.of(1, 0, 0, 4) };
    },
    release: async () => {},
  };
  return meter;
}

/** Goes through epochs of five steps. */
async function goThrough(asked: Balancer, epochs: number, first = 0) {
  for (let taken = 5 * first; taken < 5 * (first + epochs); taken++) {
    const endsEpoch = taken % 5 === 4;
    await asked.weigh({ taken, endsEpoch, batch: {}, scalars, state });
    if (endsEpoch) asked.epochDone({ epoch: (taken + 1) / 5, terms: { a: 1, b: 1 } });
  }
}

describe("a balancer", () => {
  it("without a rule feeds the recipe's weights, and measures at the end of each epoch alone", async () => {
    const meter = countingMeter();
    const asked = balancer({ terms, meter, shares: true });
    expect(await asked.weigh({ taken: 0, endsEpoch: false, batch: {}, scalars, state })).toEqual({ "weight:a": 1, "weight:b": 3 });
    expect(meter.asked).toBe(0);
    await asked.weigh({ taken: 1, endsEpoch: true, batch: {}, scalars, state });
    expect(meter.asked).toBe(1);
    const { weights, shares } = asked.epochDone({ epoch: 1, terms: {} });
    expect(weights).toEqual({ "weight:a": 1, "weight:b": 3 });
    expect(shares).toEqual({ a: 1 / 37, b: 36 / 37 });
    expect(asked.memory).toBeUndefined();
  });

  it("measures each so many steps, and once where an epoch ends there", async () => {
    const meter = countingMeter();
    const rule = gradientNorms({ every: 4, smoothing: 0.9 });
    await goThrough(balancer({ terms, meter, shares: true, rule }), 2);
    expect(meter.asked).toBe([0, 4, 8, 9].length);
    const silent = countingMeter();
    await goThrough(balancer({ terms, meter: silent, rule }), 2);
    expect(silent.asked).toBe([0, 4, 8].length);
  });

  it("tells the rule the epoch's weights without factors, and goes on from what it remembered", async () => {
    const rule: BalanceRule<readonly number[]> = {
      initial: [],
      epochDone: (memory, { epoch, weights }) => [...memory, epoch, weights.b as number],
      factors: (memory) => ({ a: 1, b: 2 + memory.length }),
    };
    const whole = balancer({ terms, rule });
    await goThrough(whole, 4);
    expect(whole.memory).toEqual([1, 3, 2, 3, 3, 3, 4, 3]);
    const half = balancer({ terms, rule });
    await goThrough(half, 2);
    const resumed = balancer({ terms, rule }, JSON.parse(JSON.stringify(half.memory)));
    await goThrough(resumed, 2, 2);
    expect(resumed.memory).toEqual(whole.memory);
  });
});

it("brings gradients of a real objective into the proportion of the weights, at each step", async () => {
  const large: LossTerm = { name: "large", build: ({ g, logits }) => g.mul(g.reduceMean(g.mul(logits, logits)), 100) };
  const student = mlp({ inputShape: [6], hidden: [8], classes: 4, seed: 0 });
  const options = { student, batchSize: 5, losses: [hardLabels, large], optimizer: sgd() };
  const trainer = await createTrainer(runtime, compileStep(options));
  const meter = await createGradientMeter(runtime, compileProducts(options));
  const names = ["crossEntropy", "large"];
  const asked = balancer({ terms: names, meter, rule: gradientNorms({ every: 1, smoothing: 0 }) });
  const recipe = { learningRate: 0.05, seed: 0, "weight:crossEntropy": 3, "weight:large": 1 };
  const batch = batchOf(sine([5, 6], 1.5, 0.37, 0), [0, 2, 3, 1, 2], "input");
  for (let taken = 0; taken < 4; taken++) {
    const norms = normsOf(await meter.measure(batch, recipe, await trainer.state()));
    const weights = await asked.weigh({ taken, endsEpoch: false, batch, scalars: recipe, state: trainer.state });
    const [hard, other] = names.map((name) => (weights[`weight:${name}`] as number) * (norms[name] as number)) as [number, number];
    expect(hard / other).toBeCloseTo(3, 6);
    expect((norms.large as number) / (norms.crossEntropy as number)).toBeGreaterThan(5);
    await trainer.run(batch, { ...recipe, ...weights });
  }
  await Promise.all([trainer.release(), meter.release()]);
});
