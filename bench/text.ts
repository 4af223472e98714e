// Training steps of BERT beside PyTorch's, round by round in one run: npx jiti bench/text.ts [--only NAME] [--compile]. Prints medians and
// what they are over Limbeck's.

import { int32, int64 } from "../src/graph/tensor.ts";
import { crossEntropyLoss } from "../src/losses/cross-entropy.ts";
import { type BertConfiguration, bertClassifier } from "../src/nn/zoo/bert.ts";
import { randomFor } from "../src/random.ts";
import { nodeRuntime } from "../src/runtime/node.ts";
import { adamw } from "../src/train/optimizers.ts";
import { type CompiledStep, compileStep, LABELS } from "../src/train/step.ts";
import { createTrainer } from "../src/train/trainer.ts";
import { startPeer } from "./peer.ts";

const [ROUNDS, ITERATIONS, WARMUP] = [7, 3, 3];
const [BATCH, TOKENS, VOCABULARY] = [32, 64, 30_522];

const sizes: Readonly<Record<string, BertConfiguration>> = {
  "bert-4-256": { layers: 4, hidden: 256, heads: 4, intermediate: 1024 },
  "minilm-6-384": { layers: 6, hidden: 384, heads: 12, intermediate: 1536 },
};

const runtime = nodeRuntime({ threads: 2 });
const random = randomFor(0);
const given = (option: string) => process.argv.includes(option);
const only = given("--only") ? process.argv[process.argv.indexOf("--only") + 1] : "";

function compiled(size: BertConfiguration, dropout: number): CompiledStep {
  return compileStep({
    student: bertClassifier(size, { classes: 2, seed: 0, dropout }),
    batchSize: BATCH,
    sizes: { S: TOKENS },
    losses: [{ name: "crossEntropy", build: ({ g, logits, labels }) => crossEntropyLoss(g, logits, labels) }],
    optimizer: adamw(),
  });
}

/** Milliseconds of each of a number of steps. */
async function stepper(step: CompiledStep): Promise<(iterations: number) => Promise<number[]>> {
  const trainer = await createTrainer(runtime, step);
  const tokens = (make: () => number) => int64(Array.from({ length: BATCH * TOKENS }, make), [BATCH, TOKENS]);
  const batch = {
    input_ids: tokens(() => random.integer(0, VOCABULARY - 1)),
    attention_mask: tokens(() => 1),
    token_type_ids: tokens(() => 0),
    [LABELS]: int32(Int32Array.from({ length: BATCH }, () => random.integer(0, 1))),
  };
  const scalars = { learningRate: 1e-4, seed: 1, "weight:crossEntropy": 1, ...step.optimizer.scalars(1) };
  return async (iterations) => {
    const times: number[] = [];
    for (let index = 0; index < iterations; index++) {
      const start = performance.now();
      await trainer.run(batch, scalars);
      times.push(performance.now() - start);
    }
    return times;
  };
}

const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] as number;

const peer = await startPeer("text.py");
if (!peer) console.log("PyTorch or transformers is not there (LIMBECK_PYTHON names the interpreter): timing Limbeck alone.");
for (const [name, size] of Object.entries(sizes)) {
  for (const dropout of [0, 0.1]) {
    if (!`${name} ${dropout}`.includes(only ?? "")) continue;
    const step = compiled(size, dropout);
    const runs = new Map([["Limbeck", await stepper(step)]]);
    for (const way of given("--compile") ? ["eager", "compile"] : ["eager"]) {
      const work = `${[size.layers, size.hidden, size.heads, size.intermediate, dropout].join()} ${way}`;
      if (peer) runs.set(`${peer.name} ${way}`, async (iterations) => [...(await peer.run(work, iterations))]);
    }
    const times = new Map(Array.from(runs.keys(), (way) => [way, [] as number[]]));
    for (const run of runs.values()) await run(WARMUP);
    for (let round = 0; round < ROUNDS; round++) for (const [way, run] of runs) times.get(way)?.push(...(await run(ITERATIONS)));
    const ours = median(times.get("Limbeck") as number[]);
    const all = Array.from(times, ([way, each]) => `${way} ${median(each).toFixed(0)} ms (${(median(each) / ours).toFixed(2)})`);
    console.log(`${name}, dropout ${dropout}: ${all.join(", ")}`);
  }
}
peer?.stop();
process.exit(0);
