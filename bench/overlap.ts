// A teacher beside the student that trains on the batch before, and by turns with it (npx jiti bench/overlap.ts): medians and shortest times, with
// one and two threads of the runtime each, nobody spinning.
import { Worker } from "node:worker_threads";
import * as ort from "onnxruntime-node";
import { LOGITS, objectiveOf, teacherName } from "../src/distill/objective.ts";
import { writeOnnx } from "../src/graph/onnx/write.ts";
import { float32 } from "../src/graph/tensor.ts";
import { resnet } from "../src/nn/zoo/resnet.ts";
import { channelBlockOf } from "../src/runtime/channel-block.ts";
import { ortRuntime } from "../src/runtime/ort.ts";
import { compileStep, LABELS } from "../src/train/step.ts";
import { createTrainer, type Trainer } from "../src/train/trainer.ts";
import { cifarOptimizer } from "./workloads/steps.ts";
import { CLASSES, IMAGE, labels, uniform } from "./workloads/work.ts";

const [BATCH, ROUNDS, RUNS] = [64, 5, 2];
const network = { inputShape: IMAGE, classes: CLASSES, seed: 0 };
const runtimeOf = (threads: number) => ortRuntime({ ...ort, writesInPlace: true, isIdle: async () => false }, "", "cpu", { threads });
const student = resnet("resnet8x4", network);
const objective = objectiveOf([{ hinton: { alpha: 0.9, temperature: 4 } }], {
  student,
  teachers: [student],
  classes: CLASSES,
  samples: BATCH,
});
const position = { step: 0, totalSteps: 1, epoch: 0 };
const weights = Object.fromEntries(Object.entries(objective.schedules).map(([name, schedule]) => [name, schedule(position)]));
const step = compileStep({
  student,
  batchSize: BATCH,
  losses: objective.terms,
  optimizer: cifarOptimizer(),
  channelBlock: await channelBlockOf(runtimeOf(2)),
});
const inputs = float32(uniform([BATCH, ...IMAGE]).data as Float32Array, [BATCH, ...IMAGE]);
const answers = float32(new Float32Array(BATCH * CLASSES), [BATCH, CLASSES]);
const batch = {
  [step.batch.inputs[0] as string]: inputs,
  [LABELS]: labels(BATCH, CLASSES),
  [`teacher:${teacherName(0, LOGITS)}`]: answers,
};
const model = writeOnnx(resnet("resnet32x4", network));
const [one, two] = [await createTrainer(runtimeOf(1), step), await createTrainer(runtimeOf(2), step)];
const sessions = [await runtimeOf(1).createSession(model), await runtimeOf(2).createSession(model)] as const;
const worker = new Worker(new URL("./overlap-teacher.mjs", import.meta.url), { workerData: { model } });
const message = () => new Promise((resolve) => worker.once("message", resolve));
await message();

const train = (trainer: Trainer) => trainer.run(batch, { ...weights, learningRate: 0.01, seed: 0 });
const teach = (threads: 1 | 2) => sessions[threads - 1]?.run({ input: inputs });
const together = (threads: 1 | 2, trainer: Trainer) => async () => {
  const answered = message();
  worker.postMessage({ threads, inputs: inputs.data, shape: inputs.shape });
  await train(trainer);
  await answered;
};
const ways: Readonly<Record<string, () => Promise<unknown> | undefined>> = {
  "teacher, 1 thread": () => teach(1),
  "teacher, 2 threads": () => teach(2),
  "student, 1 thread": () => train(one),
  "student, 2 threads": () => train(two),
  "by turns, 2 threads": async () => {
    await teach(2);
    await train(two);
  },
  "together, 1 thread each": together(1, one),
  "together, 2 threads each": together(2, two),
  "together, teacher 1, student 2": together(1, two),
  "together, teacher 2, student 1": together(2, one),
};
const times = new Map(Object.keys(ways).map((name): [string, number[]] => [name, []]));
for (let round = -1; round < ROUNDS; round++) {
  for (const [name, run] of Object.entries(ways)) {
    for (let count = 0; count < RUNS; count++) {
      const start = performance.now();
      await run();
      if (round >= 0) times.get(name)?.push(performance.now() - start);
    }
  }
}
for (const [name, found] of times) {
  const ascending = found.toSorted((a, b) => a - b);
  console.log(`${name}: ${ascending[ascending.length >> 1]?.toFixed(0)} ms, shortest ${ascending[0]?.toFixed(0)}`);
}
process.exit(0);
