import { describe, expect, it } from "vitest";
import type { Graph, Value } from "../../graph/graph.ts";
import { writeOnnx } from "../../graph/onnx/write.ts";
import { elementCount, float32, type Tensor } from "../../graph/tensor.ts";
import { initializerRoles } from "../../graph/weights.ts";
import { nodeRuntime } from "../../runtime/node.ts";
import { lenet } from "./lenet.ts";
import { mlp } from "./mlp.ts";
import { smallCnn } from "./small-cnn.ts";

const image = [1, 28, 28];

const sizeOf = (graph: Graph, role: "parameters" | "buffers"): number =>
  initializerRoles(graph)[role].reduce((sum, name) => sum + elementCount(graph.initializers.get(name)?.shape ?? []), 0);

/** Logits for `count` images of values that repeat nowhere. */
async function logitsOf(graph: Graph, count: number): Promise<Tensor> {
  const shape = [count, ...((graph.inputs[0] as Value).shape.slice(1) as number[])];
  const session = await nodeRuntime({ threads: 1 }).createSession(writeOnnx(graph));
  const { logits } = await session.run({
    input: float32(
      Float32Array.from({ length: elementCount(shape) }, (_, i) => Math.sin(i * i)),
      shape,
    ),
  });
  await session.release();
  return logits as Tensor;
}

const networks: Readonly<
  Record<string, { readonly build: (seed: number) => Graph; readonly parameters: number; readonly buffers: number }>
> = {
  "the multilayer perceptron of Hinton et al., 784-1200-1200-10": {
    build: (seed) => mlp({ inputShape: image, hidden: [1200, 1200], classes: 10, seed }),
    parameters: 2_395_210,
    buffers: 0,
  },
  "a multilayer perceptron of plain features, with dropout": {
    build: (seed) => mlp({ inputShape: [20], hidden: [30], classes: 3, dropout: { input: 0.2, hidden: 0.5 }, seed }),
    parameters: 20 * 30 + 30 + 30 * 3 + 3,
    buffers: 0,
  },
  "no hidden layer": { build: (seed) => mlp({ inputShape: [20], hidden: [], classes: 3, seed }), parameters: 63, buffers: 0 },
  "LeNet-5": { build: (seed) => lenet({ inputShape: image, classes: 10, seed }), parameters: 61_706, buffers: 0 },
  "a small CNN": {
    build: (seed) => smallCnn({ inputShape: [3, 9, 9], classes: 5, channels: [4, 6], depth: 2, seed }),
    // Four convolutions without bias, scale and bias of each normalisation, the classifier.
    parameters: 9 * (3 * 4 + 4 * 4 + 4 * 6 + 6 * 6) + 2 * (4 + 4 + 6 + 6) + 6 * 5 + 5,
    buffers: 2 * (4 + 4 + 6 + 6),
  },
  "a small CNN with a hidden layer and dropout": {
    build: (seed) => smallCnn({ inputShape: [1, 8, 8], classes: 5, channels: [4, 6], depth: 1, hidden: 7, dropout: 0.5, seed }),
    // Stride 2 leaves 4×4 positions of 6 channels.
    parameters: 9 * (4 + 4 * 6) + 2 * (4 + 6) + 6 * 16 * 7 + 7 + 7 * 5 + 5,
    buffers: 2 * (4 + 6),
  },
};

describe.each(Object.entries(networks))("%s", (_, { build, parameters, buffers }) => {
  it("has its number of parameters and of running statistics", () => {
    const graph = build(0);
    expect([sizeOf(graph, "parameters"), sizeOf(graph, "buffers")]).toEqual([parameters, buffers]);
  });

  it("gives logits for any number of samples", async () => {
    const graph = build(1);
    for (const count of [1, 3]) expect((await logitsOf(graph, count)).shape).toEqual([count, graph.outputs[0]?.shape[1]]);
  });

  it("is the same bytes for the same seed, and other weights for another", () => {
    const bytes = writeOnnx(build(7));
    expect(Buffer.from(writeOnnx(build(7))).equals(Buffer.from(bytes))).toBe(true);
    const [one, other] = [build(7), build(8)];
    for (const name of initializerRoles(one).parameters.filter((weight) => weight.endsWith("weight"))) {
      expect(one.initializers.get(name), name).not.toEqual(other.initializers.get(name));
    }
  });
});

it("dropout does nothing in inference", async () => {
  const plain = await logitsOf(mlp({ inputShape: [20], hidden: [30], classes: 3, seed: 5 }), 4);
  expect(await logitsOf(mlp({ inputShape: [20], hidden: [30], classes: 3, dropout: { input: 0.2, hidden: 0.5 }, seed: 5 }), 4)).toEqual(
    plain,
  );
});

it("starts with logits of a moderate size", async () => {
  for (const { build } of Object.values(networks)) {
    const { data } = await logitsOf(build(2), 16);
    const deviation = Math.sqrt((data as Float32Array).reduce((sum, value) => sum + value * value, 0) / data.length);
    expect(deviation).toBeGreaterThan(0.01);
    expect(deviation).toBeLessThan(5);
  }
});
