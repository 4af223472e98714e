import { expect, it } from "vitest";
import { graphBuilder } from "../graph/builder/builder.ts";
import type { Graph } from "../graph/graph.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import { type Float32Tensor, float32 } from "../graph/tensor.ts";
import { smallCnn } from "../nn/zoo/small-cnn.ts";
import { nodeRuntime } from "../runtime/node.ts";
import { trainable } from "../train/trainable.ts";
import { meanOfNetworks, mergeNetworks } from "./merge.ts";

const runtime = nodeRuntime({ threads: 1 });
const cnn = (seed: number, width = 4) => smallCnn({ inputShape: [2, 4, 4], classes: 3, channels: [width], depth: 1, dropout: 0.3, seed });
const images = float32(
  Float32Array.from({ length: 5 * 32 }, (_, index) => Math.sin(0.7 * index)),
  [5, 2, 4, 4],
);

async function answers(network: Graph): Promise<Record<string, Float32Tensor>> {
  const session = await runtime.createSession(writeOnnx(network));
  const found = await session.run({ [network.inputs[0]?.name ?? ""]: images });
  await session.release();
  return found as Record<string, Float32Tensor>;
}

it("merged networks answer what each answers alone, and keep their weights apart", async () => {
  const [a, b] = [cnn(1), cnn(2, 6)];
  const merged = mergeNetworks([
    { graph: a, prefix: "" },
    { graph: b, prefix: "peer1/" },
  ]);
  expect(merged.outputs.map(({ name, shape }) => [name, shape])).toEqual([
    ["logits", ["N", 3]],
    ["peer1/logits", ["N", 3]],
  ]);
  const both = await answers(merged);
  expect(both.logits?.data).toEqual((await answers(a)).logits?.data);
  expect(both["peer1/logits"]?.data).toEqual((await answers(b)).logits?.data);
  const [together, ofA, ofB] = [merged, a, b].map((network) => trainable(network));
  expect([...(together?.parameters.keys() ?? [])].sort()).toEqual(
    [...(ofA?.parameters.keys() ?? []), ...[...(ofB?.parameters.keys() ?? [])].map((name) => `peer1/${name}`)].sort(),
  );
  expect(together?.buffers.size).toBe((ofA?.buffers.size ?? 0) + (ofB?.buffers.size ?? 0));
});

it("an ensemble answers the mean of its members' logits", async () => {
  const members = [cnn(1), cnn(2), cnn(3)];
  const { logits } = await answers(meanOfNetworks(members));
  const alone = await Promise.all(members.map(async (network) => (await answers(network)).logits?.data ?? []));
  logits?.data.forEach((value, index) => {
    expect(value).toBeCloseTo(alone.reduce((sum, data) => sum + (data[index] as number), 0) / 3, 5);
  });
});

it("inputs of other names are the same inputs", async () => {
  const g = graphBuilder("sum");
  g.output(g.reduceSum(g.input("pixels", "float32", ["batch", 2, 4, 4]), { axes: [1, 2, 3] }), "sums");
  const found = await answers(
    mergeNetworks([
      { graph: cnn(1), prefix: "" },
      { graph: g.build(), prefix: "other/" },
    ]),
  );
  expect(Object.keys(found)).toEqual(["logits", "other/sums"]);
});
