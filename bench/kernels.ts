// What the parts of a convolutional step take in ONNX's own operators and in the blocked layout (npx jiti bench/kernels.ts): milliseconds of each
// node by the runtime's own profiler, medians over runs, for 64 channels at 32×32 in a batch of 64.

import { blockedConvolution, depthwiseConvolution } from "../src/autodiff/blocked/convolution.ts";
import { channelDots, channelMeans, toBlocked } from "../src/autodiff/blocked/layout.ts";
import { backpropagate } from "../src/autodiff/gradient.ts";
import { type GraphBuilder, graphBuilder } from "../src/graph/builder/builder.ts";
import type { Value } from "../src/graph/graph.ts";
import { writeOnnx } from "../src/graph/onnx/write.ts";
import { pruneDead } from "../src/graph/rewrite/prune.ts";
import { elementCount, float32 } from "../src/graph/tensor.ts";
import { randomFor } from "../src/random.ts";
import { channelBlockOf } from "../src/runtime/channel-block.ts";
import { nodeRuntime, timeNodes } from "../src/runtime/node.ts";

const [BATCH, CHANNELS, SIZE, RUNS] = [64, 64, 32, 9];
const IMAGE = [BATCH, CHANNELS, SIZE, SIZE];
const DEPTHWISE = [CHANNELS, 1, 3, 3];
const DENSE = [CHANNELS, CHANNELS, 3, 3];

/** The sum of products of a part's output with a given direction, which makes that the output's gradient. */
type Part = (g: GraphBuilder, x: Value, w: Value) => Value;

const block = (await channelBlockOf(nodeRuntime())) ?? 0;
const moved = (stride: number) => ({ kernel: [3, 3], strides: [stride, stride], dilations: [1, 1], padsBegin: [1, 1], padsEnd: [1, 1] });
const plain =
  (stride: number, group: number): Part =>
  (g, x, w) =>
    g.conv(x, w, undefined, { stride, padding: 1, group });
const blocked =
  (stride: number, isDepthwise: boolean): Part =>
  (g, x, w) =>
    (isDepthwise ? depthwiseConvolution : blockedConvolution)(g, toBlocked(g, x, block), { w, window: moved(stride) }).value;

const parts: Readonly<Record<string, readonly [weight: readonly number[], part: Part]>> = {
  "3×3": [DENSE, plain(1, 1)],
  "3×3, stride 2": [DENSE, plain(2, 1)],
  "depthwise 3×3": [DEPTHWISE, plain(1, CHANNELS)],
  ...(block > 0 && {
    "3×3 in blocks": [DENSE, blocked(1, false)],
    "3×3, stride 2, in blocks": [DENSE, blocked(2, false)],
    "depthwise 3×3 in blocks": [DEPTHWISE, blocked(1, true)],
    "Σ x·y and Σ x per channel in blocks": [
      IMAGE,
      (g: GraphBuilder, x: Value, y: Value) => {
        const image = toBlocked(g, x, block);
        return g.add(channelDots(g, image, toBlocked(g, y, block).value), channelMeans(g, image));
      },
    ],
  }),
};

const { uniform } = randomFor(0);
const noise = (shape: readonly number[]) => float32(Float32Array.from({ length: elementCount(shape) }, uniform), shape);

for (const [name, [weight, part]] of Object.entries(parts)) {
  const g = graphBuilder("part");
  const [x, w] = [g.input("x", "float32", IMAGE), g.input("w", "float32", weight)];
  const y = part(g, x, w);
  const direction = g.input("direction", "float32", y.shape);
  g.output(y, "y");
  const isConvolution = weight !== IMAGE;
  const gradients = isConvolution ? backpropagate(g, g.reduceSum(g.mul(y, direction)), [x, w]) : [];
  gradients.forEach((gradient, index) => g.output(gradient, `gradient:${index}`));
  const graph = pruneDead(g.build());
  const feeds = Object.fromEntries(graph.inputs.map((input) => [input.name, noise(input.shape.map(Number))]));
  const nodes = (await timeNodes(writeOnnx(graph), feeds, { runs: RUNS })).filter(({ milliseconds }) => milliseconds >= 0.1);
  const total = nodes.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  console.log(`${name}: ${total.toFixed(1)} ms`);
  for (const { op, name: node, milliseconds } of nodes) console.log(`  ${milliseconds.toFixed(2).padStart(7)}  ${op}  ${node}`);
}
process.exit(0);
