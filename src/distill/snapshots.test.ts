import { expect, it } from "vitest";
import { readOnnx } from "../graph/onnx/read.ts";
import { base, distilling, inMemory, runOf } from "./distill.fixture.ts";
import type { Environment, Phase } from "./environment.ts";
import { normalizationOf } from "./network.ts";
import type { RecipeInput } from "./recipe/schema.ts";

const recipe: RecipeInput = { ...base, snapshots: [1, 3] };

function keeping(more: Partial<Environment> = {}) {
  const files = new Map<string, Uint8Array>();
  const told = inMemory({}, { keepFile: async (name, bytes) => void files.set(name, bytes), ...more });
  return { told, files };
}

it("a snapshot is the network as it was, complete: what training that stopped there gives", async () => {
  const { told, files } = keeping();
  const { student } = await runOf(recipe, told);
  expect([...files.keys()]).toEqual(["epoch-1.onnx", "epoch-3.onnx"]);
  const short = await runOf({ ...base, epochs: 1 });
  expect(Buffer.from(files.get("epoch-1.onnx") ?? []).equals(Buffer.from(short.student.bytes))).toBe(true);
  expect(Buffer.from(files.get("epoch-3.onnx") ?? []).equals(Buffer.from(student.bytes))).toBe(true);
  expect(normalizationOf(readOnnx(files.get("epoch-1.onnx") as Uint8Array, "epoch-1.onnx"), "")).toEqual(short.normalization);
});

it("holds the averaged weights where they are kept, and counts the epochs of all stages", async () => {
  const { told, files } = keeping();
  const stages = [{ epochs: 1 }, { epochs: 2 }];
  const { student } = await runOf({ ...recipe, average: { decay: 0.9 }, stages }, told);
  expect(Buffer.from(files.get("epoch-3.onnx") ?? []).equals(Buffer.from(student.bytes))).toBe(true);
  const { told: first, files: early } = keeping();
  await runOf({ ...recipe, average: { decay: 0.9 }, epochs: 1, snapshots: [1] }, first);
  expect(files.get("epoch-1.onnx")).toEqual(early.get("epoch-1.onnx"));
});

it("is of the student alone, and there for a student to learn from", async () => {
  const { told, files } = keeping();
  await runOf(recipe, told);
  const bytes = files.get("epoch-1.onnx") as Uint8Array;
  const { told: taught, files: kept } = keeping({ readFile: async () => bytes });
  const { student, teachers } = await runOf({ ...distilling, snapshots: [3] }, taught);
  expect(teachers[0]?.bytes).toEqual(bytes);
  expect([...kept.values()]).toEqual([student.bytes]);
});

it("is kept by a run that is killed as the epoch ends, and resumed", async () => {
  const kept = new Map<string, Uint8Array>();
  const checkpoints = (phase: Phase) => ({
    load: async () => kept.get(phase),
    save: async (bytes: Uint8Array) => void kept.set(phase, bytes.slice()),
  });
  const whole = keeping();
  await runOf(recipe, whole.told);
  const files = new Map<string, Uint8Array>();
  const dying = async () => {
    throw new Error("pulled the plug");
  };
  const first = inMemory({}, { keepFile: async (name, bytes) => void files.set(name, bytes), checkpoints, events: { onEpoch: dying } });
  await expect(runOf(recipe, first)).rejects.toThrow("pulled the plug");
  files.clear();
  const resumed = keeping({ checkpoints });
  await runOf(recipe, resumed.told);
  expect(resumed.files).toEqual(whole.files);
});

it("of an epoch that never comes, or with no place to go, is a mistake", async () => {
  const { told } = keeping();
  await expect(runOf({ ...recipe, snapshots: [4] }, told)).rejects.toThrow("The run has 3 epochs, so there is no snapshot of epoch 4.");
  await expect(runOf(recipe)).rejects.toThrow("There is no place for the snapshots.");
});
