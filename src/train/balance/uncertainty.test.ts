import { expect, it } from "vitest";
import { mlp } from "../../nn/zoo/mlp.ts";
import { sgd } from "../optimizers.ts";
import { compileStep, type LossTerm } from "../step.ts";
import { batchOf, hardLabels, runtime, sine } from "../train.fixture.ts";
import { createTrainer } from "../trainer.ts";
import { uncertaintyFactor } from "./uncertainty.ts";

const student = mlp({ inputShape: [6], hidden: [8], classes: 4, seed: 0 });
const squares: LossTerm = { name: "squares", build: ({ g, logits }) => g.reduceMean(g.mul(logits, logits)) };

it("weighs each term by exp(−s), and trains s with the student", async () => {
  const options = { student, batchSize: 5, losses: [hardLabels, squares], optimizer: sgd({ weightDecay: 0.5 }), uncertainty: true };
  const trainer = await createTrainer(runtime, compileStep(options));
  const weights: Readonly<Record<string, number>> = { crossEntropy: 0.5, squares: 2 };
  const scalars = { learningRate: 0.1, seed: 0, "weight:crossEntropy": 0.5, "weight:squares": 2 };
  const s: Record<string, number> = { crossEntropy: 0, squares: 0 };
  for (let step = 0; step < 5; step++) {
    const { loss, ...terms } = await trainer.run(batchOf(sine([5, 6], 1.5, 0.37, 0), [0, 2, 3, 1, 2], "input"), scalars);
    const state = await trainer.state();
    let expected = 0;
    for (const [term, weight] of Object.entries(weights)) {
      const [value, before] = [terms[term] as number, s[term] as number];
      expected += weight * (Math.exp(-before) * value + before);
      // d/ds of weight·(exp(−s)·L + s); weight decay leaves it alone.
      s[term] = before - 0.1 * weight * (1 - Math.exp(-before) * value);
      expect(uncertaintyFactor(state, term), `${term} after step ${step}`).toBeCloseTo(Math.exp(-s[term]), 5);
    }
    expect(loss).toBeCloseTo(expected, 5);
  }
  await trainer.release();
});

it("is a factor of 1 where a term is not weighed so", () => {
  expect(uncertaintyFactor(new Map(), "kd")).toBe(1);
});
