import { expect, it } from "vitest";
import { writeOnnx } from "../graph/onnx/write.ts";
import { smallCnn } from "../nn/zoo/small-cnn.ts";
import { timeNodes } from "../runtime/node.ts";
import { randomFeeds } from "./latency.ts";
import { latencyByLayer } from "./layer-latency.ts";
import { profileGraph } from "./profile.ts";

const network = smallCnn({ inputShape: [1, 8, 8], classes: 3, channels: [4, 8], depth: 1, dropout: 0.5, seed: 0 });

it("layers are convolutions and products with what follows them; together they are the whole network", () => {
  const { layers, parameters, macs, flops } = profileGraph(network);
  expect(layers.map(({ name, op, nodes }) => [name, op, nodes.length])).toEqual([
    ["stage1/unit1/conv/Conv", "Conv", 3],
    ["stage2/unit1/conv/Conv", "Conv", 6],
    ["classifier/Gemm", "Gemm", 1],
  ]);
  const total = (amount: (layer: (typeof layers)[number]) => number) => layers.reduce((sum, layer) => sum + amount(layer), 0);
  expect([total((layer) => layer.parameters), total((layer) => layer.macs), total((layer) => layer.flops)]).toEqual([
    parameters,
    macs,
    flops,
  ]);
});

it("every node that the runtime times belongs to a layer, or is its own change of layout", async () => {
  const timings = await timeNodes(writeOnnx(network), randomFeeds(network, { N: 2 }), { threads: 1, runs: 3 });
  const { layers } = profileGraph(network);
  const found = latencyByLayer(layers, timings);
  expect(found.layers.filter(({ milliseconds }) => milliseconds > 0).map(({ layer }) => layer.name)).toEqual(
    layers.map(({ name }) => name),
  );
  const named = new Set(layers.flatMap(({ nodes }) => nodes));
  expect(new Set(timings.filter(({ name }) => !named.has(name)).map(({ op }) => op))).toEqual(new Set(["ReorderOutput"]));
});

it("adds up what belongs to one layer, and the rest", () => {
  const { layers } = profileGraph(network);
  const [first] = layers;
  const timings = [
    { name: first?.nodes[0] as string, op: "Conv", milliseconds: 2 },
    { name: "ReorderInput", op: "ReorderInput", milliseconds: 0.5 },
    { name: first?.nodes[1] as string, op: "Relu", milliseconds: 1 },
  ];
  const found = latencyByLayer(layers, timings);
  expect(found.rest).toBe(0.5);
  expect(found.layers.map(({ milliseconds }) => milliseconds)).toEqual([3, 0, 0]);
});
