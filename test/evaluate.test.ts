import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeClassifier } from "../src/distill/network.ts";
import { graphBuilder } from "../src/graph/builder/builder.ts";
import type { Graph } from "../src/graph/graph.ts";
import { writeOnnx } from "../src/graph/onnx/write.ts";
import { float32 } from "../src/graph/tensor.ts";
import { lenet } from "../src/nn/zoo/lenet.ts";
import { pngDataUri } from "../src/report/png.ts";
import { evaluate } from "../src/run/evaluate.ts";
import { scratch, writeSmallMnist } from "./limbeck.ts";

const { path: place, remove } = scratch();
afterAll(remove);

const SAMPLES = 60;
const classes = Array.from({ length: 10 }, (_, label) => String(label));
const write = (name: string, graph: Graph): string => {
  const path = join(place, name);
  writeFileSync(path, writeOnnx(graph));
  return path;
};
const ofSize = (size: number, channels = 1) => lenet({ inputShape: [channels, size, size], classes: 10, seed: 1 });

/** The network with its input [N, H, W, C]. */
function channelsLast(network: Graph): Graph {
  const [input] = network.inputs;
  const [batch, channels, ...size] = input?.shape ?? [];
  const g = graphBuilder("last");
  const images = g.input("images", "float32", [batch as string, ...size, channels as number]);
  g.output(g.transpose(images, [0, 3, 1, 2]), input?.name);
  const { nodes, inputs } = g.build();
  return { ...network, inputs, nodes: [...nodes, ...network.nodes] };
}

beforeAll(() => writeSmallMnist(join(place, "mnist"), { train: 200, test: SAMPLES }));

const options = () => ({ data: "mnist", relativeTo: place });

test("every score is of the same answers", async () => {
  const path = write("lenet.onnx", ofSize(28));
  const found = await evaluate(path, { ...options(), teacher: path });
  const wrong = found.confusion.flatMap((row, label) => row.filter((_, prediction) => prediction !== label)).reduce((a, b) => a + b, 0);
  expect(found).toMatchObject({ model: "lenet.onnx", samples: SAMPLES, errors: wrong, classes });
  expect(found.accuracy).toBeCloseTo(1 - wrong / SAMPLES, 10);
  expect(found.teacher).toEqual({ model: "lenet.onnx", accuracy: found.accuracy, agreement: 1 });
  expect(found.reliability.reduce((total, { samples }) => total + samples, 0)).toBe(SAMPLES);
  expect(found.topFive).toBeGreaterThanOrEqual(found.accuracy);
  expect(found.mistakes).toHaveLength(Math.min(48, wrong));
  for (const { label, prediction, image } of found.mistakes) {
    expect(label).not.toBe(prediction);
    expect(image).toMatch(/^data:image\/png;base64,/);
  }
});

test("images are brought to the size, channels and layout that a model takes", async () => {
  const normalization = (channels: number) => ({
    mean: new Array<number>(channels).fill(0.13),
    std: new Array<number>(channels).fill(0.31),
  });
  const plain = await evaluate(write("colour.onnx", describeClassifier(ofSize(32, 3), normalization(3), classes)), options());
  const last = await evaluate(write("last.onnx", describeClassifier(channelsLast(ofSize(32, 3)), normalization(3), classes)), options());
  expect(last).toEqual({ ...plain, model: "last.onnx" });
  expect(plain.samples).toBe(SAMPLES);
});

test("files of images are read at the size and in the layout that a model takes", async () => {
  const photos = join(place, "photos");
  for (const split of ["train", "test"]) {
    classes.forEach((name, label) => {
      mkdirSync(join(photos, split, name), { recursive: true });
      const pixels = Uint8Array.from({ length: 3 * 20 * 20 }, (_, index) => (index * (label + 3)) % 256);
      const png = pngDataUri(pixels, 20, 20, 3).split(",")[1] as string;
      writeFileSync(join(photos, split, name, "one.png"), Buffer.from(png, "base64"));
    });
  }
  const seen = { data: "imageFolder:photos", relativeTo: place };
  const plain = await evaluate(write("rgb.onnx", ofSize(32, 3)), seen);
  expect(plain.samples).toBe(10);
  expect(plain.mistakes.every(({ image }) => image?.startsWith("data:image/png"))).toBe(true);
  expect(await evaluate(write("nhwc.onnx", channelsLast(ofSize(32, 3))), seen)).toEqual({ ...plain, model: "nhwc.onnx" });
});

test("a model of another number of channels stays a mistake", async () => {
  await expect(evaluate(write("two.onnx", ofSize(28, 2)), options())).rejects.toThrow("The model takes inputs of shape [2, 28, 28]");
});

test("logits that are no numbers are said to be none", async () => {
  const g = graphBuilder("nan");
  const flat = g.reshape(g.input("x", "float32", ["N", 1, 28, 28]), [-1, 784]);
  g.output(g.matMul(flat, g.initializer("w", float32(new Float32Array(7840).fill(Number.NaN), [784, 10]))), "logits");
  await expect(evaluate(write("nan.onnx", g.build()), options())).rejects.toThrow("The logits of sample 0 are not numbers.");
});
