import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { firstBatch } from "../data/batches.fixture.ts";
import { trainingBatches } from "../data/batches.ts";
import { memorySamples } from "../data/samples.ts";
import { graphBuilder } from "../graph/builder/builder.ts";
import type { Graph } from "../graph/graph.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import { elementCount, type Float32Tensor, float32 } from "../graph/tensor.ts";
import { smallCnn } from "../nn/zoo/small-cnn.ts";
import { base, inMemory, runOf, runtime } from "./distill.fixture.ts";
import { takingImages } from "./fit-input.ts";
import { describeClassifier, toNetwork } from "./network.ts";
import { loadTeacher, readTeacher } from "./teacher.ts";

/** What comes out is what goes in. */
function mirror(shape: readonly number[]): Graph {
  const g = graphBuilder("mirror");
  g.output(g.mul(g.input("images", "float32", ["N", ...shape]), 1), "seen");
  return g.build();
}

async function seenBy(network: Graph, images: Float32Tensor): Promise<Float32Tensor> {
  const session = await runtime.createSession(writeOnnx(network));
  const { seen } = await session.run({ images });
  await session.release();
  return seen as Float32Tensor;
}

/** Between the two nearest centres of pixels along an axis, by the definition. */
function bilinear(image: (y: number, x: number) => number, from: readonly number[], to: readonly number[]): number[] {
  const along = (place: number, axis: number) => {
    const centre = ((place + 0.5) * (from[axis] as number)) / (to[axis] as number) - 0.5;
    const inside = (index: number) => Math.min(Math.max(index, 0), (from[axis] as number) - 1);
    const low = Math.floor(centre);
    return { low: inside(low), high: inside(low + 1), share: centre - low };
  };
  return Array.from({ length: elementCount(to) }, (_, index) => {
    const [y, x] = [along(Math.floor(index / (to[1] as number)), 0), along(index % (to[1] as number), 1)];
    const row = (place: number) => (1 - x.share) * image(place, x.low) + x.share * image(place, x.high);
    return (1 - y.share) * row(y.low) + y.share * row(y.high);
  });
}

describe("a network of images of another size", () => {
  it("sees them resized: 1 2 / 3 4 in twice the height and width", async () => {
    const network = takingImages(mirror([1, 4, 4]), [1, 2, 2]);
    expect(network.inputs).toEqual([{ name: "images", type: "float32", shape: ["N", 1, 2, 2] }]);
    const { data, shape } = await seenBy(network, float32([1, 2, 3, 4, 0, 0, 0, 8], [2, 1, 2, 2]));
    expect(shape).toEqual([2, 1, 4, 4]);
    // Centres of the new pixels lie at -0.25, 0.25, 0.75 and 1.25 of the old.
    expect([...data.subarray(0, 16)]).toEqual([1, 1.25, 1.75, 2, 1.5, 1.75, 2.25, 2.5, 2.5, 2.75, 3.25, 3.5, 3, 3.25, 3.75, 4]);
    expect([...data.subarray(16)]).toEqual([0, 0, 0, 0, 0, 0.5, 1.5, 2, 0, 1.5, 4.5, 6, 0, 2, 6, 8]);
  });

  it("and in half of them: the mean of each four", async () => {
    const { data } = await seenBy(takingImages(mirror([1, 1, 2]), [1, 2, 4]), float32([1, 2, 3, 4, 5, 6, 7, 8], [1, 1, 2, 4]));
    expect([...data]).toEqual([3.5, 5.5]);
  });

  it("for any two sizes, as bilinear interpolation is defined", async () => {
    const size = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }));
    await fc.assert(
      fc.asyncProperty(size, size, async (from, to) => {
        const images = float32(
          Float32Array.from({ length: 2 * elementCount(from) }, (_, index) => Math.sin(1.7 * index)),
          [1, 2, ...from],
        );
        const { data } = await seenBy(takingImages(mirror([2, ...to]), [2, ...from]), images);
        const expected = [0, 1].flatMap((channel) =>
          bilinear((y, x) => images.data[channel * elementCount(from) + y * from[1] + x] as number, from, to),
        );
        expected.forEach((value, index) => void expect(data[index]).toBeCloseTo(value, 5));
      }),
      { numRuns: 25 },
    );
  });

  it("repeats one channel for three, each normalised as the network wants it", async () => {
    const images = float32([0.5, 1], [1, 1, 1, 2]);
    expect([...(await seenBy(takingImages(mirror([3, 1, 2]), [1, 1, 2]), images)).data]).toEqual([0.5, 1, 0.5, 1, 0.5, 1]);
    const normalized = takingImages(mirror([3, 1, 2]), [1, 1, 2], { mean: [0.5, 0, 1], std: [0.5, 1, 2] });
    expect([...(await seenBy(normalized, images)).data]).toEqual([0, 1, 0.5, 1, -0.25, 0]);
  });

  it("gets them with the channels last where it takes them so", async () => {
    const network = takingImages(mirror([2, 2, 3]), [3, 2, 2]);
    expect(network.inputs[0]?.shape).toEqual(["N", 3, 2, 2]);
    const { data, shape } = await seenBy(network, float32([1, 2, 3, 4, 10, 20, 30, 40, 100, 200, 300, 400], [1, 3, 2, 2]));
    expect(shape).toEqual([1, 2, 2, 3]);
    expect([...data]).toEqual([1, 10, 100, 2, 20, 200, 3, 30, 300, 4, 40, 400]);
    // Resized, repeated and normalised besides.
    const all = takingImages(mirror([2, 2, 3]), [1, 1, 1], { mean: [0, 1, 0], std: [1, 1, 2] });
    expect([...(await seenBy(all, float32([4], [1, 1, 1, 1]))).data]).toEqual([1, 2, 3, 4].flatMap(() => [4, 3, 2]));
    // Channels come first wherever they can.
    expect(takingImages(mirror([3, 3, 3]), [3, 3, 3]).nodes.map(({ op }) => op)).toEqual(["Mul"]);
  });

  it("can be made to take yet another", async () => {
    const twice = takingImages(takingImages(mirror([1, 4, 4]), [1, 2, 2]), [1, 1, 1]);
    expect([...(await seenBy(twice, float32([3], [1, 1, 1, 1]))).data]).toEqual(new Array(16).fill(3));
  });

  it("is left alone where it fits, and where nothing can be done", () => {
    for (const [takes, given] of [
      [
        [1, 4, 4],
        [1, 4, 4],
      ],
      [
        [1, 4, 4],
        [3, 4, 4],
      ],
      [
        [2, 4, 4],
        [1, 8, 8],
      ],
      [[3, 4, 4], [16]],
    ] as const) {
      const network = mirror(takes);
      expect(takingImages(network, given)).toBe(network);
    }
  });
});

const samples = memorySamples({
  name: "slopes",
  sampleShape: [1, 6, 6],
  classes: ["a", "b"],
  pixels: Uint8Array.from({ length: 3 * 36 }, (_, index) => (index * 37) % 256),
  labels: Uint8Array.of(0, 1, 0),
});

describe("a teacher made for images of another size", () => {
  const colour = smallCnn({ inputShape: [3, 8, 8], classes: 2, channels: [4], depth: 1, seed: 1 });
  const own = { mean: [0.4, 0.5, 0.6], std: [0.2, 0.3, 0.5] };

  it("answers on samples normalised in any way what it answers on its own inputs", async () => {
    const bytes = writeOnnx(describeClassifier(colour, own, ["a", "b"]));
    const read = readTeacher(bytes, "colour.onnx", samples);
    expect(read.graph.inputs[0]?.shape).toEqual(["N", 1, 6, 6]);
    const normalization = { mean: [0.1], std: [3] };
    const teacher = await loadTeacher(runtime, read, samples, normalization);
    const { logits } = await teacher.predict(samples);
    const batch = await firstBatch(trainingBatches(samples, { batchSize: 3, seed: 0, epoch: 0, normalization }));
    const taught = (await teacher.teach(batch))["teacher:0:logits"]?.data as Float32Array;
    const pixels = new Float32Array(36);
    const seen = [0, 1, 2].flatMap((sample) => {
      samples.read(sample, pixels);
      return own.mean.flatMap((mean, channel) =>
        bilinear((y, x) => ((pixels[6 * y + x] as number) - mean) / (own.std[channel] as number), [6, 6], [8, 8]),
      );
    });
    const session = await runtime.createSession(writeOnnx(colour));
    const expected = (await session.run({ input: float32(seen, [3, 3, 8, 8]) })).logits as Float32Tensor;
    expected.data.forEach((value, index) => void expect(logits[index]).toBeCloseTo(value, 4));
    batch.indices.forEach((sample, row) => {
      for (const label of [0, 1]) expect(taught[2 * row + label]).toBeCloseTo(expected.data[2 * sample + label] as number, 4);
    });
    await Promise.all([session.release(), teacher.release()]);
  });

  it("stays a mistake where it takes images of other channels", () => {
    const odd = writeOnnx(smallCnn({ inputShape: [2, 8, 8], classes: 2, channels: [4], depth: 1, seed: 1 }));
    expect(() => readTeacher(odd, "odd.onnx", samples)).toThrow("The model takes inputs of shape [2, 8, 8], but the data's are [1, 6, 6].");
  });
});

describe("a student", () => {
  const noFile = async (path: string): Promise<Uint8Array> => {
    throw new Error(`${path} is read`);
  };

  it("of the zoo sees images at its inputSize, and takes samples as they are", async () => {
    const student = await toNetwork({ zoo: "lenet", inputSize: 28 }, samples, 0, noFile);
    expect(student.inputs[0]?.shape).toEqual(["N", 1, 6, 6]);
    expect(student.nodes[0]?.op).toBe("Resize");
    const plain = await toNetwork({ zoo: "resnet8", inputSize: 6 }, samples, 0, noFile);
    expect(writeOnnx(plain)).toEqual(writeOnnx(await toNetwork({ zoo: "resnet8" }, samples, 0, noFile)));
  });

  it("from a file is fitted to the samples too", async () => {
    const file = writeOnnx(smallCnn({ inputShape: [3, 8, 8], classes: 2, channels: [4], depth: 1, seed: 1 }));
    const student = await toNetwork({ zoo: "onnx", file: "small.onnx" }, samples, 0, async () => file);
    expect(student.inputs[0]?.shape).toEqual(["N", 1, 6, 6]);
  });

  it("that says an inputSize for what are no images is a mistake", async () => {
    const flat = { ...samples, sampleShape: [36] };
    await expect(toNetwork({ zoo: "mlp", hidden: [4], inputSize: 8 }, flat, 0, noFile)).rejects.toThrow(
      "inputSize is that of images; a sample of this data has the shape [36]",
    );
  });

  it("is trained at its size by a teacher of another, maps and all, and exported for samples as they are", async () => {
    const file = writeOnnx(smallCnn({ inputShape: [2, 8, 8], classes: 4, channels: [4, 8], depth: 1, seed: 1 }));
    const outcome = await runOf(
      {
        ...base,
        teacher: "teacher.onnx",
        student: { zoo: "small-cnn", channels: [4, 6], depth: 1, inputSize: 6 },
        losses: [{ crossEntropy: {} }, { kd: { weight: 0.1 } }, { attention: {} }],
        epochs: 12,
      },
      inMemory({ "teacher.onnx": file }),
    );
    for (const { graph } of [outcome.student, ...outcome.teachers]) {
      expect([graph.inputs[0]?.shape, graph.nodes[0]?.op]).toEqual([["N", 2, 4, 4], "Resize"]);
    }
    expect(outcome.student.predictions.accuracy).toBeGreaterThan(0.7);
  });
});
