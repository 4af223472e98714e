import { beforeAll, describe, expect, it, test } from "vitest";
import type { Graph } from "../graph/graph.ts";
import { smallCnn } from "../nn/zoo/small-cnn.ts";
import { buildArchitecture } from "../nn/zoo/zoo.ts";
import { channelBlockOf } from "../runtime/channel-block.ts";
import { fillsBlocks } from "./blocked-network.ts";
import { sgd } from "./optimizers.ts";
import { compileStep } from "./step.ts";
import { batchOf, hardLabels, runtime, sine } from "./train.fixture.ts";
import { createTrainer, type State } from "./trainer.ts";

const SHAPE = [3, 16, 16];
const BATCH = 8;

/** Networks that differ in what is done to them in blocks: strides, depthwise kernels, odd numbers of channels, parts that stay plain. */
const networks: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
  ["resnet8", {}],
  ["resnet8x4", { width: 0.6 }],
  ["resnet50", { width: 0.1, stem: "cifar" }],
  ["resnet18", { width: 0.2 }],
  ["wrn-16-1", {}],
  ["mobilenet-v2", { width: 0.35, stem: "cifar" }],
  ["mobilenet-v3-small", { width: 0.3, stem: "cifar" }],
  ["shufflenet-v2-x0.5", { stem: "cifar" }],
  ["efficientnet-b0", { width: 0.2, stem: "cifar" }],
  ["vgg8", { width: 0.3 }],
  ["small-cnn", {}],
  ["convnext-tiny", { width: 0.2, stem: "cifar" }],
];

/** Loss, and the state after one step: the velocities are the gradients. */
async function stepped(student: Graph, channelBlock: number | undefined): Promise<{ readonly loss: number; readonly state: State }> {
  const optimizer = sgd({ momentum: 0.9 });
  const step = compileStep({ student, batchSize: BATCH, losses: [hardLabels], optimizer, channelBlock });
  const trainer = await createTrainer(runtime, step);
  const batch = batchOf(sine([BATCH, ...SHAPE], 1, 1.7, 0.3), [0, 1, 2, 3, 0, 1, 2, 3], step.batch.inputs[0]);
  const { loss } = (await trainer.run(batch, { learningRate: 0.01, seed: 1, "weight:crossEntropy": 1 })) as { loss: number };
  const state = await trainer.state();
  await trainer.release();
  return { loss, state };
}

const lengthOf = (vector: Float32Array): number => Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));

describe("a network in blocks of channels", () => {
  let channelBlock: number | undefined;
  beforeAll(async () => {
    channelBlock = await channelBlockOf(runtime);
  });

  it("is what this machine's runtime has kernels for", () => expect([8, 16]).toContain(channelBlock));

  it.each(networks)("takes the step that %s %o takes outside of them", async (name, options) => {
    const student = buildArchitecture(name, { inputShape: SHAPE, classes: 4, seed: 1, ...options });
    const [plain, blocked] = [await stepped(student, undefined), await stepped(student, channelBlock)];
    expect(Math.abs(blocked.loss / plain.loss - 1)).toBeLessThan(1e-4);
    // Some gradients are zero but for rounding: of biases before another normalisation.
    const noise = 1e-6 * Math.max(...Array.from(plain.state.values(), ({ data }) => lengthOf(data)));
    const far = [...plain.state].flatMap(([slot, { data }]) => {
      const found = blocked.state.get(slot)?.data as Float32Array;
      const length = lengthOf(data);
      const distance = lengthOf(data.map((value, index) => value - (found[index] as number)));
      return distance <= 2e-3 * length + noise ? [] : [`${slot}: ${distance / length}`];
    });
    expect(far).toEqual([]);
  });
});

test.each([
  [[4, 8, 16], false],
  [[16, 32, 64], true],
  [[24, 32, 64], true],
])("images of %j channels are worth padding to blocks of 16: %s", (channels, worth) => {
  const network = smallCnn({ inputShape: [1, 28, 28], classes: 10, channels, depth: 1, seed: 0 });
  expect(fillsBlocks(network, 16)).toBe(worth);
  expect(fillsBlocks(network, 4)).toBe(true);
});
