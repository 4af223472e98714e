import { beforeAll, describe, expect, it } from "vitest";
import { memoryStore } from "./cache/memory-store.fixture.ts";
import { base, distilling, inMemory, runOf, splits, type Told } from "./distill.fixture.ts";
import type { Outcome } from "./distill.ts";
import type { Environment } from "./environment.ts";
import type { RecipeInput } from "./recipe/schema.ts";

const mix: RecipeInput["data"]["mix"] = { mixup: {}, cutmix: {}, probability: 0.9 };
let teacher: Outcome;
beforeAll(async () => {
  teacher = await runOf({ ...base, student: { zoo: "mlp", hidden: [32] }, epochs: 10 });
});
const withTeacher = (more: Partial<Environment> = {}): Told => inMemory({ "teacher.onnx": teacher.student.bytes }, more);
const bytesOf = ({ student }: Outcome) => Buffer.from(student.bytes).toString("base64");

describe("mixed samples", () => {
  const recipe: RecipeInput = { ...distilling, baseline: false, data: { idx: "memory", mix, views: 2 }, epochs: 4 };

  it("teach the same with a cache of the teacher as without, filled or found", async () => {
    const shards = memoryStore();
    const uncached = await runOf({ ...recipe, cache: false }, withTeacher());
    const filling = await runOf(recipe, withTeacher({ shards }));
    const reading = await runOf(recipe, withTeacher({ shards }));
    expect([filling, reading].map(({ student }) => student.teacherCache?.computed)).toEqual([2 * 64, 0]);
    expect([bytesOf(filling), bytesOf(reading)]).toEqual([bytesOf(uncached), bytesOf(uncached)]);
    const otherwise = await runOf({ ...recipe, data: { idx: "memory", mix: { mixup: {} }, views: 2 } }, withTeacher({ shards }));
    expect(otherwise.student.teacherCache?.computed).toBe(2 * 64);
    expect(bytesOf(otherwise)).not.toBe(bytesOf(uncached));
  });

  it("count towards accuracy by their shares", async () => {
    const accuracies: number[] = [];
    const events = {
      onEpoch: (_: unknown, { metrics }: { metrics: Readonly<Record<string, number>> }) => void accuracies.push(metrics.accuracy as number),
    };
    await runOf({ ...base, data: { idx: "memory", mix }, epochs: 20 }, inMemory({}, { events }));
    expect(accuracies.at(-1)).toBeGreaterThan(0.45);
    expect(accuracies.at(-1)).toBeLessThan(0.95);
  });

  it("can be weighed and watched as others", async () => {
    const found = await runOf(
      { ...recipe, balance: { gradientNorm: { every: 2 } }, mutual: { peers: [{ zoo: "mlp", hidden: [6] }] } },
      withTeacher(),
    );
    expect(found.student.predictions.loss).toBeLessThan(2);
  });

  it.each([
    [{ dkd: {} }, 'The loss "dkd" takes samples of one class each'],
    [{ ofa: {} }, 'The loss "ofa" takes samples of one class each'],
    [{ ofaStages: { pairs: [["Relu", "Relu"]] } }, 'The loss "ofaStages" takes samples of one class each'],
    [{ virtualTeacher: {} }, 'The loss "virtualTeacher" takes samples of one class each'],
    [{ triplet: { pairs: [["Relu", "Relu"]] } }, 'The loss "triplet" takes samples of one class each'],
    [{ crd: { pairs: [["Relu", "Relu"]] } }, 'The loss "crd" remembers each sample by itself'],
  ] as [object, string][])("are refused by %j", async (loss, message) => {
    const losses = [loss] as unknown as RecipeInput["losses"];
    await expect(runOf({ ...recipe, losses }, withTeacher())).rejects.toThrow(message);
  });

  it("are refused where teachers are combined by the label", async () => {
    const two: RecipeInput = { ...recipe, teacher: ["teacher.onnx", "teacher.onnx"] };
    await expect(runOf({ ...two, combine: "confidence" }, withTeacher())).rejects.toThrow(
      "`combine: confidence` takes samples of one class each",
    );
    await expect(runOf({ ...two, combine: "entropy" }, withTeacher())).resolves.toBeDefined();
  });
});

describe("samples without a label", () => {
  const few: RecipeInput = { ...distilling, data: { idx: "memory", labels: { keep: 8, seed: 2 } } };
  const labelsOf = ({ data }: Outcome) => Array.from({ length: data.train.length }, (_, index) => data.train.label(index));

  it("are taught by the teacher, and the baseline does without them in as many steps", async () => {
    const told = withTeacher();
    const outcome = await runOf({ ...few, epochs: 6 }, told);
    expect(labelsOf(outcome).filter((label) => label >= 0)).toHaveLength(8);
    const steps = (phase: string) => told.steps.filter((step) => step === phase).length;
    expect([steps("student"), steps("baseline")]).toEqual([24, 24]);
    expect(told.epochs.find(({ phase }) => phase === "student")?.names).not.toContain("labelled");
    // Of all images, which the baseline keeps.
    const normalize = { mean: [...outcome.normalization.mean], std: [...outcome.normalization.std] };
    const alone = await runOf({ ...base, data: { idx: "memory", labels: { keep: 8, seed: 2, only: true }, normalize }, epochs: 6 });
    expect(Buffer.from(outcome.baseline?.bytes ?? []).equals(alone.student.bytes)).toBe(true);
    expect(labelsOf(alone).every((label) => label >= 0)).toBe(true);
  });

  it("count in no accuracy", async () => {
    const accuracies: number[] = [];
    const events = {
      onEpoch: (_: unknown, { metrics }: { metrics: Readonly<Record<string, number>> }) => void accuracies.push(metrics.accuracy as number),
    };
    await runOf({ ...base, data: { idx: "memory", labels: { keep: 8 } }, epochs: 25 }, inMemory({}, { events }));
    expect(accuracies.at(-1)).toBe(1);
  });

  it("are refused by what takes a label of each", async () => {
    const losses: RecipeInput["losses"] = [{ dkd: {} }];
    await expect(runOf({ ...few, losses }, withTeacher())).rejects.toThrow('The loss "dkd" takes the label of every sample');
    const only: RecipeInput = { ...few, data: { idx: "memory", labels: { keep: 8, only: true } }, losses, baseline: false };
    await expect(runOf(only, withTeacher())).resolves.toBeDefined();
  });
});

it("labels are wrong in training alone", async () => {
  const { data } = await runOf({ ...base, data: { idx: "memory", labels: { noise: 0.5 } }, epochs: 1 });
  const wrong = (part: "train" | "validation" | "test") =>
    Array.from({ length: data[part].length }, (_, index) => index).filter((index) => data[part].label(index) !== splits[part].label(index))
      .length;
  expect([wrong("train"), wrong("validation"), wrong("test")]).toEqual([32, 0, 0]);
});
