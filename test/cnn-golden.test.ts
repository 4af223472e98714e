import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { gradient } from "../src/autodiff/gradient.ts";
import { int, ints, string } from "../src/graph/attributes.ts";
import { type GraphBuilder, graphBuilder } from "../src/graph/builder/builder.ts";
import type { Graph, Value } from "../src/graph/graph.ts";
import { writeOnnx } from "../src/graph/onnx/write.ts";
import { arrayTypeOf, type Tensor } from "../src/graph/tensor.ts";
import { nodeRuntime } from "../src/runtime/node.ts";
import type { Session } from "../src/runtime/runtime.ts";

/** A tensor as scripts/golden/cnn.py writes it. */
interface Encoded {
  readonly type: "float32" | "int64";
  readonly shape: readonly number[];
  readonly data: string;
}

interface Golden {
  readonly training: {
    readonly learningRate: number;
    readonly weights: Readonly<Record<string, Encoded>>;
    readonly gradients: Readonly<Record<string, Encoded>>;
    readonly trained: Readonly<Record<string, Encoded>>;
    readonly averages: Readonly<Record<string, Encoded>>;
    readonly batches: readonly { readonly images: Encoded; readonly labels: Encoded }[];
    readonly losses: readonly number[];
  };
  readonly operators: Readonly<
    Record<
      string,
      { readonly inputs: readonly Encoded[]; readonly y: Encoded; readonly dy: Encoded; readonly gradients: readonly Encoded[] }
    >
  >;
}

const golden = JSON.parse(readFileSync(new URL("./golden/cnn.json", import.meta.url), "utf8")) as Golden;

function decoded({ type, shape, data }: Encoded): Tensor {
  const { buffer } = Uint8Array.from(Buffer.from(data, "base64"));
  return { type, shape, data: new (arrayTypeOf(type))(buffer) };
}

const allDecoded = (tensors: Readonly<Record<string, Encoded>>): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, decoded(tensor)]));

/** The largest difference between two tensors, relative to the largest element of the expected one. */
function relativeError(found: Tensor | undefined, expected: Tensor): number {
  const [a, b] = [found?.data as Float32Array, expected.data as Float32Array];
  expect(a.length).toBe(b.length);
  const largest = b.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return b.reduce((most, value, index) => Math.max(most, Math.abs((a[index] as number) - value)), 0) / largest;
}

const load = (graph: Graph): Promise<Session> => nodeRuntime({ threads: 2 }).createSession(writeOnnx(graph));

/** The network of scripts/golden/cnn.py in its training form, with its weights as inputs; the batches' statistics are outputs. */
function networkGraph(): Graph {
  const { weights, batches } = golden.training;
  const g = graphBuilder("cnn");
  const w = Object.fromEntries(Object.entries(weights).map(([name, { shape }]) => [name, g.input(name, "float32", shape)])) as Record<
    string,
    Value
  >;
  const weight = (name: string): Value => w[name] as Value;
  const normalized = (x: Value, name: string): Value => {
    const { y, mean, variance } = g.trainingBatchNormalization(x, weight(`${name}.weight`), weight(`${name}.bias`));
    g.output(mean, `${name}.mean`);
    g.output(variance, `${name}.variance`);
    return y;
  };
  const images = g.input("images", "float32", batches[0]?.images.shape ?? []);
  const labels = g.input("labels", "int64", batches[0]?.labels.shape ?? []);
  let x = g.relu(normalized(g.conv(images, weight("stem.weight"), undefined, { stride: 2, padding: 1 }), "norm1"));
  x = g.hardSwish(g.conv(x, weight("depthwise.weight"), weight("depthwise.bias"), { padding: 1, group: 8 }));
  x = g.relu(normalized(g.conv(x, weight("pointwise.weight")), "norm2"));
  x = g.averagePool(g.maxPool(x, [3, 3], { stride: 2, padding: 1 }), [2, 2]);
  const logits = g.gemm(g.flatten(x), weight("head.weight"), weight("head.bias"), { transposeB: true });
  const chosen = g.reduceSum(g.mul(g.logSoftmax(logits), g.oneHot(labels, 5)), { axes: [1] });
  g.output(g.neg(g.reduceMean(chosen)), "loss");
  return g.build();
}

describe("a CNN trained beside PyTorch", () => {
  const { weights, batches, learningRate } = golden.training;
  const names = Object.keys(weights);
  let session: Session;
  beforeAll(async () => {
    session = await load(gradient(networkGraph(), "loss", names));
  });
  const step = (parameters: Record<string, Tensor>, index: number): Promise<Record<string, Tensor>> => {
    const { images, labels } = batches[index % batches.length] as (typeof batches)[number];
    return session.run({ ...parameters, images: decoded(images), labels: decoded(labels) });
  };

  it("has the same loss and gradients", async () => {
    const outputs = await step(allDecoded(weights), 0);
    expect(outputs.loss?.data[0]).toBeCloseTo(golden.training.losses[0] as number, 5);
    for (const name of names) {
      expect(relativeError(outputs[`gradient:${name}`], decoded(golden.training.gradients[name] as Encoded)), name).toBeLessThan(1e-4);
    }
  });

  it("has the same losses, weights and running averages after 20 steps of SGD", async () => {
    const parameters = allDecoded(weights);
    const averages: Record<string, Float32Array> = {};
    const average = (name: string, start: number, batch: Tensor, correction: number): void => {
      const old = averages[name] ?? new Float32Array(batch.data.length).fill(start);
      averages[name] = old.map((value, channel) => 0.9 * value + 0.1 * correction * Number(batch.data[channel]));
    };
    for (const [index, expected] of golden.training.losses.entries()) {
      const outputs = await step(parameters, index);
      expect(outputs.loss?.data[0], `loss of step ${index}`).toBeCloseTo(expected, 3);
      for (const name of names) {
        const slope = (outputs[`gradient:${name}`] as Tensor).data as Float32Array;
        const parameter = (parameters[name] as Tensor).data as Float32Array;
        slope.forEach((value, element) => {
          parameter[element] = (parameter[element] as number) - learningRate * value;
        });
      }
      for (const [norm, count] of [
        ["norm1", 8 * 6 * 6],
        ["norm2", 8 * 6 * 6],
      ] as const) {
        average(`${norm}.running_mean`, 0, outputs[`${norm}.mean`] as Tensor, 1);
        average(`${norm}.running_var`, 1, outputs[`${norm}.variance`] as Tensor, count / (count - 1));
      }
    }
    for (const name of names)
      expect(relativeError(parameters[name], decoded(golden.training.trained[name] as Encoded)), name).toBeLessThan(1e-3);
    for (const [name, expected] of Object.entries(golden.training.averages)) {
      const found: Tensor = { type: "float32", shape: expected.shape, data: averages[name] as Float32Array };
      expect(relativeError(found, decoded(expected)), name).toBeLessThan(1e-3);
    }
  });
});

const operators: Readonly<Record<string, (g: GraphBuilder, inputs: readonly Value[]) => Value>> = {
  conv: (g, inputs) =>
    g.emit("Conv", inputs, {
      attributes: { strides: ints([2, 1]), pads: ints([1, 2, 1, 2]), dilations: ints([1, 2]), group: int(3) },
    })[0] as Value,
  maxPool: (g, [x]) => g.maxPool(x as Value, [3, 3], { stride: 2, padding: 1 }),
  layerNorm: (g, [x, scale, bias]) => g.layerNormalization(x as Value, scale as Value, bias, { axis: 1 }),
  gelu: (g, [x]) => g.gelu(x as Value),
  geluTanh: (g, [x]) => g.emit("Gelu", [x], { attributes: { approximate: string("tanh") } })[0] as Value,
  logSoftmax: (g, [x]) => g.logSoftmax(x as Value, 1),
};

describe("operators beside PyTorch", () => {
  it.each(Object.entries(golden.operators))("%s has the same output and gradients", async (name, expected) => {
    const g = graphBuilder(name);
    const inputs = expected.inputs.map(({ shape }, index) => g.input(`x${index}`, "float32", shape));
    const y = (operators[name] as (typeof operators)[string])(g, inputs);
    g.output(y, "y");
    g.output(g.reduceSum(g.mul(y, g.input("dy", "float32", expected.dy.shape))), "loss");
    const session = await load(
      gradient(
        g.build(),
        "loss",
        inputs.map((input) => input.name),
      ),
    );
    const feeds = Object.fromEntries(expected.inputs.map((input, index) => [`x${index}`, decoded(input)]));
    const outputs = await session.run({ ...feeds, dy: decoded(expected.dy) });
    expect(relativeError(outputs.y, decoded(expected.y))).toBeLessThan(1e-5);
    expected.gradients.forEach((derivative, index) => {
      expect(relativeError(outputs[`gradient:x${index}`], decoded(derivative)), `input ${index}`).toBeLessThan(1e-5);
    });
  });
});
