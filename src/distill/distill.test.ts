import { beforeAll, describe, expect, it } from "vitest";
import { firstBatch } from "../data/batches.fixture.ts";
import { trainingBatches } from "../data/batches.ts";
import type { Normalization } from "../data/normalize.ts";
import { type Samples, subset } from "../data/samples.ts";
import { LimbeckError } from "../errors.ts";
import type { Graph } from "../graph/graph.ts";
import { readOnnx } from "../graph/onnx/read.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import { mlp } from "../nn/zoo/mlp.ts";
import type { CheckpointStore } from "../train/checkpoint.ts";
import { base, distilling, inMemory, runOf, runtime, splits, type Told } from "./distill.fixture.ts";
import type { Outcome } from "./distill.ts";
import type { Environment, Phase } from "./environment.ts";
import { describeClassifier, normalizationOf } from "./network.ts";
import type { RecipeInput } from "./recipe/schema.ts";
import { loadTeacher, readTeacher, type Teacher } from "./teacher.ts";

let teacher: Outcome;
beforeAll(async () => {
  teacher = await runOf({ ...base, student: { zoo: "mlp", hidden: [32], dropout: { hidden: 0.2 } }, epochs: 20 });
});
const withTeacher = (more: Partial<Environment> = {}): Told => inMemory({ "teacher.onnx": teacher.student.bytes }, more);

describe("a run without a teacher", () => {
  it("trains a network that tells the classes apart, and exports what it says it does", () => {
    const { student, baseline, teachers: none, normalization } = teacher;
    expect([baseline, none]).toEqual([undefined, []]);
    expect(student.predictions.accuracy).toBeGreaterThan(0.9);
    expect(student.accuracy.lastEpoch).toBeCloseTo(student.predictions.accuracy, 5);
    const exported = readOnnx(student.bytes, "student.onnx");
    expect(normalizationOf(exported, "student.onnx")).toEqual(normalization);
    expect(JSON.parse(exported.metadata["limbeck.classes"] as string)).toEqual(splits.train.classes);
    expect(exported.inputs.map(({ name, shape }) => [name, shape])).toEqual([["input", ["N", 2, 4, 4]]]);
  });

  it("trains on the first samples alone where there is a limit", async () => {
    const told = inMemory();
    const { data } = await runOf({ ...base, data: { idx: "memory", limit: 40 } }, told);
    expect([data.train.length, data.validation.length, data.test.length]).toEqual([40, 16, 24]);
    expect(told.steps).toHaveLength(2 * 3);
  });

  it("says when these lack classes, as those of data in the order of classes do", async () => {
    const notices: string[] = [];
    const byClass = [0, 1, 2, 3].flatMap((label) => Array.from({ length: 16 }, (_, index) => 4 * index + label));
    const openData = async () => ({ ...splits, train: subset(splits.train, byClass) });
    const told = inMemory({}, { openData, events: { onNotice: (text) => void notices.push(text) } });
    await runOf({ ...base, data: { idx: "memory", limit: 32 }, epochs: 1 }, told);
    expect(notices).toEqual(["Of 4 classes only 2 are among the first 32 training samples (data.limit)."]);
  });
});

describe("a run with a teacher", () => {
  it("trains the student with it and the baseline without", async () => {
    const told = withTeacher();
    const {
      student,
      baseline,
      teachers: [asked],
    } = await runOf(distilling, told);
    expect(told.steps).toEqual([...new Array(12).fill("student"), ...new Array(12).fill("baseline")]);
    expect(told.epochs.map(({ phase, epoch }) => `${phase} ${epoch}`)).toEqual([
      "student 1",
      "student 2",
      "student 3",
      "baseline 1",
      "baseline 2",
      "baseline 3",
    ]);
    expect(told.epochs[0]?.names).toEqual(["accuracy", "crossEntropy", "kd", "loss"]);
    expect(told.epochs[3]?.names).toEqual(["accuracy", "crossEntropy", "loss"]);
    expect(asked?.predictions.logits).toEqual(teacher.student.predictions.logits);
    expect(student.bytes).not.toEqual(baseline?.bytes);
  });

  it("has for its baseline what training on the labels alone gives, bit for bit", async () => {
    const { baseline } = await runOf(distilling, withTeacher());
    const { student } = await runOf({ ...base, losses: [{ crossEntropy: {} }] });
    expect(Buffer.from(baseline?.bytes ?? []).equals(Buffer.from(student.bytes))).toBe(true);
    expect((await runOf({ ...distilling, baseline: false }, withTeacher())).baseline).toBeUndefined();
  });

  it("is the same bytes again, and others for another seed", async () => {
    const bytes = async (seed: number) => Buffer.from((await runOf({ ...distilling, baseline: false, seed }, withTeacher())).student.bytes);
    const first = await bytes(1);
    expect(first.equals(await bytes(1))).toBe(true);
    expect(first.equals(await bytes(2))).toBe(false);
  });

  it("leaves the teacher as it is", async () => {
    const {
      teachers: [asked],
    } = await runOf(distilling, withTeacher());
    expect(asked?.bytes).toEqual(teacher.student.bytes);
    const fresh = await loadTeacher(
      runtime,
      readTeacher(teacher.student.bytes, "teacher.onnx", splits.train),
      splits.train,
      teacher.normalization,
    );
    expect((await fresh.predict(splits.test)).logits).toEqual(asked?.predictions.logits);
    await fresh.release();
  });

  it("draws the student towards the teacher", async () => {
    const distance = ({ student, baseline }: Outcome, which: "student" | "baseline") =>
      Math.hypot(
        ...((which === "student" ? student : baseline)?.predictions.logits ?? []).map(
          (logit, index) => logit - (teacher.student.predictions.logits[index] as number),
        ),
      );
    const outcome = await runOf({ ...distilling, losses: [{ kd: { temperature: 3 } }], epochs: 30 }, withTeacher());
    expect(distance(outcome, "student")).toBeLessThan(0.8 * distance(outcome, "baseline"));
  });

  it("stopped in its second phase and resumed ends with the same bytes", async () => {
    const recipe: RecipeInput = { ...distilling, data: { idx: "memory", augment: [{ shift: 1 }] }, average: { decay: 0.9 }, clipNorm: 1 };
    const whole = await runOf(recipe, withTeacher());
    const kept = new Map<Phase, Uint8Array>();
    const checkpoints = (phase: Phase): CheckpointStore => ({
      load: async () => kept.get(phase),
      save: async (bytes) => void kept.set(phase, bytes.slice()),
    });
    const stopping = withTeacher({
      checkpoints,
      events: {
        onStep: (phase, { epoch, step }) => {
          if (phase === "baseline" && epoch === 1 && step === 2) throw new Error("pulled the plug");
        },
      },
    });
    await expect(runOf(recipe, stopping)).rejects.toThrow("pulled the plug");
    const told = withTeacher({ checkpoints });
    const resumed = await runOf(recipe, told);
    expect(told.steps).toEqual(new Array(8).fill("baseline"));
    for (const phase of ["student", "baseline"] as const) expect(resumed[phase]?.bytes, phase).toEqual(whole[phase]?.bytes);
  });

  it("exports the weights that the recipe keeps", async () => {
    // Validation and test call every class by its neighbour's name, so the more is learnt the worse it does.
    const misnamed = (samples: Samples): Samples => ({ ...samples, label: (index) => (samples.label(index) + 1) % 4 });
    const openData = async () => ({ ...splits, validation: misnamed(splits.validation), test: misnamed(splits.test) });
    const kept = (keep: "best" | "last") => runOf({ ...base, epochs: 6, keep }, inMemory({}, { openData }));
    const [best, last] = [await kept("best"), await kept("last")];
    expect(best.student.accuracy).toEqual(last.student.accuracy);
    expect(best.student.accuracy.bestOnValidation).toBeGreaterThan(best.student.accuracy.lastEpoch);
    expect(best.student.predictions.accuracy).toBe(best.student.accuracy.bestOnValidation);
    expect(last.student.predictions.accuracy).toBe(last.student.accuracy.lastEpoch);
  });
});

describe("a teacher normalised in its own way", () => {
  const other = { mean: [0.5, 0.1], std: [0.25, 2] };
  const furthest = (a: Float32Array, b: Float32Array) => Math.max(...a.map((value, index) => Math.abs(value - (b[index] as number))));

  it("answers as it would by itself, on the test set and on training batches", async () => {
    const asked = await loadTeacher(runtime, readTeacher(teacher.student.bytes, "teacher.onnx", splits.train), splits.train, other);
    const own = await loadTeacher(
      runtime,
      readTeacher(teacher.student.bytes, "teacher.onnx", splits.train),
      splits.train,
      teacher.normalization,
    );
    expect((await asked.predict(splits.test)).logits).toEqual((await own.predict(splits.test)).logits);
    const answers = async ({ teach }: Teacher, normalization: Normalization) => {
      const batch = await firstBatch(trainingBatches(splits.train, { batchSize: 16, seed: 3, epoch: 0, normalization }));
      return (await teach(batch))["teacher:0:logits"]?.data as Float32Array;
    };
    expect(furthest(await answers(asked, other), await answers(own, teacher.normalization))).toBeLessThan(1e-4);
    await Promise.all([asked.release(), own.release()]);
  });

  it("teaches a student whose recipe normalises otherwise", async () => {
    const {
      teachers: [asked],
      normalization,
    } = await runOf({ ...distilling, data: { idx: "memory", normalize: other }, baseline: false }, withTeacher());
    expect(normalization).toEqual(other);
    expect(asked?.predictions.logits).toEqual(teacher.student.predictions.logits);
  });

  it("is taken to be normalised as the student is where it does not say", async () => {
    const silent: Graph = { ...teacher.student.graph, metadata: {} };
    const {
      teachers: [asked],
    } = await runOf({ ...distilling, baseline: false }, inMemory({ "teacher.onnx": writeOnnx(silent) }));
    expect(asked?.predictions.logits).toEqual(teacher.student.predictions.logits);
  });
});

describe("what does not fit is told before any training", () => {
  const network = (inputShape: readonly number[], classes: number) => mlp({ inputShape, hidden: [4], classes, seed: 0 });
  const statistics = { mean: [0, 0], std: [1, 1] };
  const mute = { ...network([2, 4, 4], 4), metadata: { "limbeck.normalization": "none" } };

  it.each<[string, Graph | undefined, RecipeInput, RegExp]>([
    ["a teacher of fewer classes", network([2, 4, 4], 3), distilling, /tells 3 classes apart, but the data has 4/],
    ["a teacher of other inputs", network([1, 4, 4], 4), distilling, /inputs of shape \[1, 4, 4\], but the data's are \[2, 4, 4\]/],
    ["a teacher with a damaged note of its normalisation", mute, distilling, /"limbeck.normalization"/],
    [
      "a teacher normalised over other channels",
      describeClassifier(network([2, 4, 4], 4), { mean: [0], std: [1] }, splits.test.classes),
      distilling,
      /channels/,
    ],
    [
      "a teacher whose classes are in another order",
      describeClassifier(network([2, 4, 4], 4), statistics, splits.test.classes.toReversed()),
      distilling,
      /classes are \["bottom right".*the data's \["top left"/,
    ],
    ["a teacher that is not there", undefined, distilling, /no file teacher\.onnx/],
    ["no teacher in the recipe", undefined, { ...base, losses: [{ kd: {} }] }, /names none/],
    [
      "a student of fewer classes",
      describeClassifier(network([2, 4, 4], 3), statistics, []),
      { ...base, student: "teacher.onnx" },
      /3 classes/,
    ],
    ["more samples to a batch than there are", undefined, { ...base, batchSize: 65 }, /64 samples do not fill one batch of 65/],
    ["statistics of other channels", undefined, { ...base, data: { idx: "memory", normalize: { mean: [0], std: [1] } } }, /2 channels/],
    ["weights that are all frozen", undefined, { ...base, frozen: ["*"] }, /no float32 weights to train/],
  ])("%s", async (_, file, recipe, message) => {
    const told = inMemory(file ? { "teacher.onnx": writeOnnx(file) } : {});
    const error: unknown = await runOf(recipe, told).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(LimbeckError);
    expect((error as LimbeckError).message).toMatch(message);
    expect((error as LimbeckError).exitCode).toBe(2);
    expect(told.steps).toEqual([]);
  });
});
