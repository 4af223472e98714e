import { describe, expect, test } from "vitest";
import { memorySamples } from "../../data/samples.ts";
import { readOnnx } from "../../graph/onnx/read.ts";
import { writeOnnx } from "../../graph/onnx/write.ts";
import { resnet } from "../../nn/zoo/resnet.ts";
import { wideResnet } from "../../nn/zoo/wide-resnet.ts";
import { randomFor } from "../../random.ts";
import { nodeRuntime } from "../../runtime/node.ts";
import { loadTeacher, readTeacher } from "../teacher.ts";
import { fidelity } from "./int8.ts";

const runtime = nodeRuntime({ threads: 1 });
const random = randomFor(11);
const classes = ["a", "b", "c", "d"];

/** Images with a bright quadrant, in noise: the network's classes need not know it for its outputs to differ. */
const samples = (count: number) =>
  memorySamples({
    name: "quadrants",
    sampleShape: [3, 16, 16],
    classes,
    pixels: Uint8Array.from({ length: count * 768 }, (_, index) => {
      const [sample, row, column] = [Math.floor(index / 768), Math.floor((index % 256) / 16), index % 16];
      const isBright = (sample & 1) === Number(row < 8) && ((sample >> 1) & 1) === Number(column < 8);
      return random.integer(0, 100) + (isBright ? 150 : 0);
    }),
    labels: Uint8Array.from({ length: count }, (_, sample) => sample % 4),
  });
const normalization = { mean: [0.3, 0.3, 0.3], std: [0.25, 0.25, 0.25] };

describe("a teacher in int8", () => {
  const networks = {
    resnet8: resnet("resnet8", { inputShape: [3, 16, 16], classes: 4, seed: 0 }),
    "wrn-16-1": wideResnet("wrn-16-1", { inputShape: [3, 16, 16], classes: 4, seed: 0 }),
  };

  test.each(Object.entries(networks))("of a random %s answers nearly as in float32, and multiplies in integers", async (_, network) => {
    const [train, validation] = [samples(128), samples(64)];
    const teacher = await loadTeacher(runtime, readTeacher(writeOnnx(network), "network.onnx", train), train, normalization, {
      int8: { validation },
    });
    const exact = await loadTeacher(runtime, readTeacher(writeOnnx(network), "network.onnx", train), train, normalization);
    try {
      expect(teacher.bytes.length).toBeLessThan(0.6 * exact.bytes.length);
      expect(exact.fidelity).toBeUndefined();
      const found = fidelity(await exact.predict(validation), await teacher.predict(validation));
      expect(found).toEqual(teacher.fidelity);
      expect(found.divergence).toBeGreaterThan(0);
      expect(found.divergence).toBeLessThan(0.01);
      expect(found.agreement).toBeGreaterThan(0.8);
      const types = [...readOnnx(teacher.bytes, "int8").initializers.values()].map(({ type, shape }) => `${type}${shape.length}`);
      expect(types.filter((type) => type === "int84").length).toBeGreaterThan(6);
      expect(types).not.toContain("float324");
    } finally {
      await Promise.all([teacher.release(), exact.release()]);
    }
  });

  test("loaded twice is the same file each time", async () => {
    const train = samples(128);
    const load = () =>
      loadTeacher(runtime, readTeacher(writeOnnx(networks.resnet8), "network.onnx", train), train, normalization, {
        int8: { validation: train },
      });
    const [first, second] = [await load(), await load()];
    expect(Buffer.compare(first.bytes, second.bytes)).toBe(0);
    await Promise.all([first.release(), second.release()]);
  });
});

test("fidelity is the share of equal classes, and the mean KL in nats", () => {
  const predictions = (...logits: number[]) => ({
    logits: Float32Array.from(logits),
    labels: new Int32Array(2),
    classes: 2,
    accuracy: 0,
    loss: 0,
  });
  const [same, other] = [predictions(0, 0, 1, 0), predictions(0, Math.log(3), 1, 0)];
  expect(fidelity(same, same)).toEqual({ agreement: 1, divergence: 0 });
  const found = fidelity(same, other);
  expect(found.agreement).toBe(0.5);
  // KL((1/2, 1/2) ‖ (1/4, 3/4)) = ln 2/√3, for one sample of two.
  expect(found.divergence).toBeCloseTo(Math.log(2 / Math.sqrt(3)) / 2, 6);
});
