import { type Batch, trainingBatches } from "../../src/data/batches.ts";
import { crop } from "../../src/data/crop.ts";
import { feedsFor } from "../../src/data/inputs.ts";
import { memorySamples, type Samples, subset } from "../../src/data/samples.ts";
import { flip } from "../../src/data/transforms.ts";
import { LOGITS, objectiveOf, teacherName } from "../../src/distill/objective.ts";
import { loadTeacher, readTeacher } from "../../src/distill/teacher.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { writeOnnx } from "../../src/graph/onnx/write.ts";
import { elementCount, float32, type Tensor } from "../../src/graph/tensor.ts";
import { profileGraph } from "../../src/measure/profile.ts";
import { BATCH } from "../../src/nn/layers.ts";
import { resnet, type resnetVariants } from "../../src/nn/zoo/resnet.ts";
import { randomFor } from "../../src/random.ts";
import { channelBlockOf } from "../../src/runtime/channel-block.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { compileStep } from "../../src/train/step.ts";
import { createTrainer } from "../../src/train/trainer.ts";
import { flopsOf } from "./flops.ts";
import { cifarOptimizer } from "./steps.ts";
import { CLASSES, IMAGE, type MakeWork, type Work } from "./work.ts";

interface Distillation {
  readonly teacher: keyof typeof resnetVariants;
  readonly student: keyof typeof resnetVariants;
  readonly batchSize: number;
  /** Whether the teacher's answers are known, as they are from the second epoch on. */
  readonly cached?: boolean;
  /** Whether the teacher answers in int8. */
  readonly int8?: boolean;
}

/** Samples on which a teacher in int8 is compared with itself: they only have to be there. */
const FIRST = Uint32Array.from({ length: 64 }, (_, index) => index);

type Teach = (batch: Batch) => Promise<Readonly<Record<string, Tensor>>>;

const normalization = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };
const network = (variant: keyof typeof resnetVariants): Graph => resnet(variant, { inputShape: IMAGE, classes: CLASSES, seed: 0 });

/** Steps of distilling one ResNet into another at CIFAR-100's shapes, batch making (crop, flip, normalise) included. */
export function distillation(options: Distillation): MakeWork {
  const { batchSize, cached = false, int8 = false } = options;
  const [teacherGraph, student] = [network(options.teacher), network(options.student)];
  const asked = cached ? 0 : flopsOf(teacherGraph, { [BATCH]: batchSize }).forward;
  return async (runtime) => {
    const data = samples(SAMPLES);
    const teach = cached
      ? rememberedAnswers(data, batchSize)
      : (
          await loadTeacher(runtime, readTeacher(writeOnnx(teacherGraph), options.teacher, data), data, normalization, {
            int8: int8 ? { validation: subset(data, FIRST) } : undefined,
          })
        ).teach;
    return {
      run: await trainingLoop(runtime, student, data, batchSize, teach),
      flops: asked + flopsOf(student, { [BATCH]: batchSize }).training,
      parameters: profileGraph(student).parameters,
    };
  };
}

/** A teacher whose answers to every sample are in memory. */
function rememberedAnswers({ length, classes }: Samples, batchSize: number): Teach {
  const { normal } = randomFor(2);
  const known = Float32Array.from({ length: length * classes.length }, normal);
  const logits = float32(new Float32Array(batchSize * classes.length), [batchSize, classes.length]);
  return async ({ indices }) => {
    indices.forEach((index, row) => {
      logits.data.set(known.subarray(index * classes.length, (index + 1) * classes.length), row * classes.length);
    });
    return { [`teacher:${teacherName(0, LOGITS)}`]: logits };
  };
}

/** @returns What takes one step. */
async function trainingLoop(runtime: Runtime, student: Graph, data: Samples, batchSize: number, teach: Teach): Promise<Work["run"]> {
  const networks = { student, teachers: [student], classes: CLASSES, samples: data.length };
  const objective = objectiveOf([{ hinton: { alpha: 0.9, temperature: 4 } }], networks);
  const channelBlock = await channelBlockOf(runtime);
  const step = compileStep({ student, batchSize, losses: objective.terms, optimizer: cifarOptimizer(), channelBlock });
  const trainer = await createTrainer(runtime, step);
  const position = { step: 0, totalSteps: 1, epoch: 0 };
  const weights = Object.fromEntries(Object.entries(objective.schedules).map(([name, schedule]) => [name, schedule(position)]));
  const batches = endlessBatches(data, batchSize);
  return async () => {
    const batch = (await batches.next()).value as Batch;
    const targets = await teach(batch);
    const feeds = { ...feedsFor(step.batch.inputs, batch.inputs), [step.batch.labels]: batch.labels, ...targets };
    return trainer.run(feeds, { ...weights, learningRate: 0.01, seed: 0 });
  };
}

async function* endlessBatches(data: Samples, batchSize: number): AsyncGenerator<Batch> {
  for (let epoch = 0; ; epoch++) {
    yield* trainingBatches(data, { batchSize, seed: 0, epoch, normalization, transforms: [crop(4), flip()] });
  }
}

const SAMPLES = 6400;

/** Noise in the shape of CIFAR-100. */
function samples(count: number): Samples {
  const random = randomFor(0);
  return memorySamples({
    name: "noise",
    sampleShape: IMAGE,
    classes: Array.from({ length: CLASSES }, (_, index) => `${index}`),
    pixels: Uint8Array.from({ length: count * elementCount(IMAGE) }, () => random.integer(0, 255)),
    labels: Uint8Array.from({ length: count }, () => random.integer(0, CLASSES - 1)),
  });
}
