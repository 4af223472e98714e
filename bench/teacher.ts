import { frozen } from "../src/distill/teacher/frozen.ts";
import { inInt8 } from "../src/distill/teacher/int8.ts";
import type { Graph } from "../src/graph/graph.ts";
import { writeOnnx } from "../src/graph/onnx/write.ts";
import { bindDimensions } from "../src/graph/rewrite/infer.ts";
import { float32, int64, type Tensor } from "../src/graph/tensor.ts";
import { bertClassifier } from "../src/nn/zoo/bert.ts";
import { resnet } from "../src/nn/zoo/resnet.ts";
import { wideResnet } from "../src/nn/zoo/wide-resnet.ts";
import { randomFor } from "../src/random.ts";
import { nodeRuntime } from "../src/runtime/node.ts";
import type { Feeds } from "../src/runtime/runtime.ts";
import { startPeer } from "./peer.ts";

// A batch of 64 through frozen networks as teachers run them, in float32 and int8, beside PyTorch: `jiti bench/teacher.ts [NETWORK]`.

const BATCH = 64;
const TOKENS = 64;
const WAYS = ["eager", "compiled", "frozen"];
const random = randomFor(0);

interface Case {
  readonly network: string;
  readonly make: () => Graph;
  readonly feeds: () => Feeds;
  readonly rounds: number;
}

const image = (): Feeds => ({ input: float32(Float32Array.from({ length: BATCH * 3072 }, random.normal), [BATCH, 3, 32, 32]) });
const text = (): Feeds => {
  const ids = (make: () => number): Tensor => int64(Array.from({ length: BATCH * TOKENS }, make), [BATCH, TOKENS]);
  return { input_ids: ids(() => random.integer(0, 30_000)), attention_mask: ids(() => 1), token_type_ids: ids(() => 0) };
};
const classifier = { inputShape: [3, 32, 32], classes: 100, seed: 0 };

const cases: readonly Case[] = [
  { network: "resnet56", make: () => resnet("resnet56", classifier), feeds: image, rounds: 15 },
  { network: "wrn-40-2", make: () => wideResnet("wrn-40-2", classifier), feeds: image, rounds: 9 },
  {
    network: "bert-base",
    make: () => bindDimensions(bertClassifier("bert-base", { classes: 2, seed: 0 }), { S: TOKENS }),
    feeds: text,
    rounds: 3,
  },
];

const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] as number;
const runtime = nodeRuntime();
const peer = await startPeer("teacher.py");
for (const { network, make, feeds, rounds } of cases.filter(({ network }) => network.includes(process.argv[2] ?? ""))) {
  const graph = make();
  const batch = feeds();
  const ways: Record<string, (() => Promise<readonly number[]>) | undefined> = {};
  for (const [way, run] of [
    ["as given", graph],
    ["float32", frozen(graph)],
    ["int8", await inInt8(runtime, graph, [batch])],
  ] as const) {
    const session = await runtime.createSession(writeOnnx(run));
    ways[way] = async () => {
      const start = performance.now();
      await session.run(batch);
      return [performance.now() - start];
    };
  }
  if (peer) for (const way of WAYS) ways[`${peer.name} ${way}`] = () => peer.run(`${network} ${way}`, 1);
  const times = new Map<string, number[]>(Object.keys(ways).map((way) => [way, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [way, run] of Object.entries(ways)) {
      const taken = (await run?.()) ?? [];
      // The first round allocates.
      if (round > 0) times.get(way)?.push(...taken);
    }
  }
  for (const [way, taken] of times) console.log(`${network.padEnd(10)} ${way.padEnd(26)} ${median(taken).toFixed(1)} ms`);
}
peer?.stop();
process.exit(0);
