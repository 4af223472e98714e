/** `npx jiti bench/narrow.ts`: a step in and outside of blocks, by how much of the blocks is padding; see docs/performance.md. */
import { float32, int32 } from "../src/graph/tensor.ts";
import { crossEntropyLoss } from "../src/losses/cross-entropy.ts";
import { smallCnn } from "../src/nn/zoo/small-cnn.ts";
import { channelBlockOf } from "../src/runtime/channel-block.ts";
import { nodeRuntime } from "../src/runtime/node.ts";
import { sgd } from "../src/train/optimizers.ts";
import { compileStep, type LossTerm } from "../src/train/step.ts";
import { createTrainer } from "../src/train/trainer.ts";

const BATCH = 128;
const ROUNDS = 25;
const runtime = nodeRuntime({ threads: 1 });
const block = await channelBlockOf(runtime);
const term: LossTerm = { name: "crossEntropy", build: ({ g, logits, labels }) => crossEntropyLoss(g, logits, labels) };
const inputs = float32(
  Float32Array.from({ length: BATCH * 784 }, (_, index) => Math.sin(index)),
  [BATCH, 1, 28, 28],
);
const labels = int32(Array.from({ length: BATCH }, (_, index) => index % 10));

/** Times a network's steps in both layouts, turn by turn. */
async function compare(channels: readonly number[]): Promise<readonly number[]> {
  const student = smallCnn({ inputShape: [1, 28, 28], classes: 10, channels, depth: 1, seed: 0 });
  const ways: { step: () => Promise<unknown>; times: number[] }[] = [];
  for (const channelBlock of [undefined, block]) {
    const optimizer = sgd({ momentum: 0.9, nesterov: true });
    const step = compileStep({ student, batchSize: BATCH, losses: [term], optimizer, channelBlock });
    const trainer = await createTrainer(runtime, step, undefined, { threads: 1 });
    const feeds = { [step.batch.inputs[0] as string]: inputs, [step.batch.labels]: labels };
    ways.push({ step: () => trainer.run(feeds, { "weight:crossEntropy": 1, learningRate: 0.01, seed: 1 }), times: [] });
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const { step, times } of ways) {
      const began = performance.now();
      await step();
      times.push(performance.now() - began);
    }
  }
  return ways.map(({ times }) => times.sort((a, b) => a - b)[ROUNDS >> 1] as number);
}

for (const channels of [
  [4, 8, 16],
  [8, 16, 32],
  [16, 32, 64],
]) {
  const [plain, blocked] = (await compare(channels)) as [number, number];
  console.log(
    `small-cnn ${channels.join("-")}, batch ${BATCH}: plain ${plain.toFixed(1)} ms, in blocks of ${block} ${blocked.toFixed(1)} ms`,
  );
}
