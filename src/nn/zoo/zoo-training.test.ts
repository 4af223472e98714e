import { expect, it } from "vitest";
import { sgd } from "../../train/optimizers.ts";
import { compileStep } from "../../train/step.ts";
import { batchOf, hardLabels, runtime, sine } from "../../train/train.fixture.ts";
import { createTrainer } from "../../train/trainer.ts";
import { type ArchitectureName, buildArchitecture } from "./zoo.ts";

const SHAPE = [3, 16, 16];
const BATCH = 8;
/** How much a step down the gradient should lower the loss, to first order. */
const DROP = 0.002;

/** One variant of each family, as small as it gets. */
const families: Readonly<Partial<Record<ArchitectureName, Readonly<Record<string, unknown>>>>> = {
  vgg8: { width: 0.1 },
  resnet8: { width: 0.5 },
  resnet9: { width: 0.1 },
  airbench: { width: 0.1 },
  "wrn-16-1": { dropout: 0.1 },
  "mobilenet-v2": { width: 0.2, stem: "cifar" },
  "mobilenet-v3-small": { width: 0.2, stem: "cifar" },
  "shufflenet-v2-x0.5": { stem: "cifar" },
  "efficientnet-b0": { width: 0.2, stem: "cifar" },
  "convnext-tiny": { width: 0.1, stem: "cifar" },
};

it.each(Object.entries(families))(
  "a step down the gradient lowers the loss of %s %o by what its length promises",
  async (name, options) => {
    const student = buildArchitecture(name, { inputShape: SHAPE, classes: 4, seed: 1, ...options });
    const optimizer = sgd({ momentum: 0.9 });
    const step = compileStep({ student, batchSize: BATCH, losses: [hardLabels], optimizer, clipNorm: 1e9 });
    const trainer = await createTrainer(runtime, step);
    const batch = batchOf(sine([BATCH, ...SHAPE], 1, 1.7, 0.3), [0, 1, 2, 3, 0, 1, 2, 3], step.batch.inputs[0]);
    const run = (learningRate: number) => trainer.run(batch, { learningRate, seed: 1, "weight:crossEntropy": 1, ...optimizer.scalars(1) });

    const { loss: before, gradientNorm } = (await run(0)) as { loss: number; gradientNorm: number };
    // The velocity is the first gradient: every parameter has one.
    const still = [...(await trainer.state())].filter(
      ([slot, { data }]) => slot.startsWith(`${optimizer.slots[0]}:`) && data.every((v) => v === 0),
    );
    expect(still.map(([slot]) => slot)).toEqual([]);
    // The second velocity is 0.9 + 1 times the gradient.
    await run(DROP / gradientNorm ** 2 / 1.9);
    const { loss: after } = (await run(0)) as { loss: number };
    await trainer.release();
    expect(Math.abs((before - after) / DROP - 1)).toBeLessThan(0.1);
  },
);
