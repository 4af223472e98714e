import { type Batch, trainingBatches } from "../../src/data/batches.ts";
import { memorySamples, type Samples } from "../../src/data/samples.ts";
import { crop, flip } from "../../src/data/transforms.ts";
import { objectiveOf, TEACHER_LOGITS } from "../../src/distill/objective.ts";
import { loadTeacher } from "../../src/distill/teacher.ts";
import { writeOnnx } from "../../src/graph/onnx/write.ts";
import { elementCount, float32, type Tensor } from "../../src/graph/tensor.ts";
import { profileGraph } from "../../src/measure/profile.ts";
import { BATCH } from "../../src/nn/layers.ts";
import { resnet } from "../../src/nn/zoo/resnet.ts";
import { randomFor } from "../../src/random.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { compileStep } from "../../src/train/step.ts";
import { createTrainer } from "../../src/train/trainer.ts";
import { flopsOf } from "./flops.ts";
import { cifarOptimizer } from "./steps.ts";
import { CLASSES, IMAGE, type Work } from "./work.ts";

/** Samples in a batch. */
const COUNT = 64;
const SAMPLES = 100 * COUNT;

type Teach = (batch: Batch) => Promise<Readonly<Record<string, Tensor>>>;

const normalization = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };

/** Steps of distilling resnet32x4 into resnet8x4, batch making (crop, flip, normalise) included, with the teacher in the loop. */
export async function distillation(runtime: Runtime): Promise<Work> {
  const data = samples();
  const network = resnet("resnet32x4", { inputShape: IMAGE, classes: CLASSES, seed: 1 });
  const teacher = await loadTeacher(runtime, writeOnnx(network), "resnet32x4", data, normalization);
  return taughtBy(runtime, data, teacher.teach, flopsOf(network, { [BATCH]: COUNT }).forward);
}

/** The same from the second epoch on, when the teacher's answers are known. */
export async function cachedDistillation(runtime: Runtime): Promise<Work> {
  const data = samples();
  return taughtBy(runtime, data, rememberedAnswers(data), 0);
}

/** A teacher whose answers to every sample are in memory. */
function rememberedAnswers({ length, classes }: Samples): Teach {
  const { normal } = randomFor(2);
  const known = Float32Array.from({ length: length * classes.length }, normal);
  const logits = float32(new Float32Array(COUNT * classes.length), [COUNT, classes.length]);
  return async ({ indices }) => {
    indices.forEach((index, row) => {
      logits.data.set(known.subarray(index * classes.length, (index + 1) * classes.length), row * classes.length);
    });
    return { [`teacher:${TEACHER_LOGITS}`]: logits };
  };
}

async function taughtBy(runtime: Runtime, data: Samples, teach: Teach, teacherFlops: number): Promise<Work> {
  const student = resnet("resnet8x4", { inputShape: IMAGE, classes: CLASSES, seed: 0 });
  const objective = objectiveOf([{ hinton: { alpha: 0.9, temperature: 4 } }], CLASSES);
  const step = compileStep({ student, batchSize: COUNT, losses: objective.terms, optimizer: cifarOptimizer() });
  const trainer = await createTrainer(runtime, step);
  const position = { step: 0, totalSteps: 1, epoch: 0 };
  const weights = Object.fromEntries(Object.entries(objective.schedules).map(([name, schedule]) => [name, schedule(position)]));
  const batches = endlessBatches(data);
  return {
    run: async () => {
      const batch = batches.next().value as Batch;
      const targets = await teach(batch);
      const feeds = { [step.batch.inputs[0] as string]: batch.inputs, [step.batch.labels]: batch.labels, ...targets };
      return trainer.run(feeds, { ...weights, learningRate: 0.01, seed: 0 });
    },
    flops: teacherFlops + flopsOf(student, { [BATCH]: COUNT }).training,
    parameters: profileGraph(student).parameters,
  };
}

function* endlessBatches(data: Samples): Generator<Batch> {
  for (let epoch = 0; ; epoch++) {
    yield* trainingBatches(data, { batchSize: COUNT, seed: 0, epoch, normalization, transforms: [crop(4), flip()] });
  }
}

/** Noise in the shape of CIFAR-100. */
function samples(): Samples {
  const random = randomFor(0);
  return memorySamples({
    name: "noise",
    sampleShape: IMAGE,
    classes: Array.from({ length: CLASSES }, (_, index) => `${index}`),
    pixels: Uint8Array.from({ length: SAMPLES * elementCount(IMAGE) }, () => random.integer(0, 255)),
    labels: Uint8Array.from({ length: SAMPLES }, () => random.integer(0, CLASSES - 1)),
  });
}
