import { describe, expect, it } from "vitest";
import { readOnnx } from "../graph/onnx/read.ts";
import { initializerRoles } from "../graph/weights.ts";
import type { CheckpointStore } from "../train/checkpoint.ts";
import { base, inMemory, runOf, splits } from "./distill.fixture.ts";
import type { Outcome } from "./distill.ts";
import type { Phase } from "./environment.ts";
import { normalizationOf } from "./network.ts";
import type { RecipeInput } from "./recipe/schema.ts";

const cnn = { zoo: "small-cnn" as const, channels: [4], depth: 1 };
const peers: NonNullable<RecipeInput["mutual"]>["peers"] = [cnn, { zoo: "mlp", hidden: [6] }];
const mutual: RecipeInput = { ...base, student: cnn, mutual: { peers }, baseline: false };

const bytesOf = ({ student }: Outcome) => Buffer.from(student.bytes);
const peersOf = ({ relatives }: Outcome) => relatives.map(({ name, network }) => [name, Buffer.from(network.bytes)] as const);

function furthest(a: Uint8Array, b: Uint8Array): number {
  const [one, other] = [readOnnx(a, "a"), readOnnx(b, "b")];
  return Math.max(
    ...initializerRoles(one).parameters.flatMap((name) => {
      const [left, right] = [one.initializers.get(name)?.data ?? [], other.initializers.get(name)?.data ?? []];
      return Array.from(left as Float32Array, (value, index) => Math.abs(value - ((right as Float32Array)[index] as number)));
    }),
  );
}

describe("networks that are trained together", () => {
  it("log each one's losses, and become files that tell the classes apart", async () => {
    const told = inMemory();
    const outcome = await runOf({ ...mutual, epochs: 15 }, told);
    expect(told.epochs[0]?.names).toEqual([
      "accuracy",
      "crossEntropy",
      "loss",
      "mutual",
      "peer1/crossEntropy",
      "peer1/mutual",
      "peer2/crossEntropy",
      "peer2/mutual",
    ]);
    expect(outcome.relatives.map(({ name }) => name)).toEqual(["peer-1", "peer-2"]);
    for (const { network } of [{ network: outcome.student }, ...outcome.relatives]) {
      expect(network.predictions.accuracy).toBeGreaterThan(0.7);
      const file = readOnnx(network.bytes, "peer");
      expect(normalizationOf(file, "peer")).toEqual(outcome.normalization);
      expect(file.inputs.map(({ shape }) => shape)).toEqual([["N", 2, 4, 4]]);
      expect(JSON.parse(file.metadata["limbeck.classes"] as string)).toEqual(splits.train.classes);
    }
    const [first] = outcome.relatives;
    // The same architecture, but not the same network.
    expect(furthest(outcome.student.bytes, first?.network.bytes as Uint8Array)).toBeGreaterThan(0.01);
  });

  it("learn what each learns alone where they don't listen to each other", async () => {
    const deaf = await runOf({ ...mutual, mutual: { peers, weight: 0 } });
    const alone = await runOf({ ...base, student: cnn });
    expect(furthest(deaf.student.bytes, alone.student.bytes)).toBeLessThan(1e-5);
    const peer = await runOf({ ...base, student: { ...cnn, seed: 1 } });
    expect(furthest(deaf.relatives[0]?.network.bytes as Uint8Array, peer.student.bytes)).toBeLessThan(1e-5);
    const listening = await runOf(mutual);
    expect(furthest(listening.student.bytes, alone.student.bytes)).toBeGreaterThan(1e-3);
  });

  it("are compared with the student alone, unless told not to", async () => {
    const told = inMemory();
    const { baseline } = await runOf({ ...mutual, baseline: true }, told);
    expect(told.epochs.map(({ phase }) => phase)).toEqual([...new Array(3).fill("student"), ...new Array(3).fill("baseline")]);
    expect(told.epochs.at(-1)?.names).toEqual(["accuracy", "crossEntropy", "loss"]);
    expect(bytesOf({ student: baseline } as Outcome).equals(bytesOf(await runOf({ ...base, student: cnn })))).toBe(true);
  });

  it("are the same bytes again, also in stages, and when stopped and resumed", async () => {
    const recipe: RecipeInput = { ...mutual, average: { decay: 0.8 }, stages: [{ epochs: 1 }, { epochs: 2, frozen: ["peer1/*"] }] };
    const whole = await runOf(recipe);
    const kept = new Map<string, Uint8Array>();
    const checkpoints = (phase: Phase, stage?: string): CheckpointStore => ({
      load: async () => kept.get(`${phase}-${stage}`),
      save: async (bytes) => void kept.set(`${phase}-${stage}`, bytes.slice()),
    });
    const onStep = (_: Phase, { epoch, step }: { epoch: number; step: number }) => {
      if (epoch === 2 && step === 2) throw new Error("pulled the plug");
    };
    await expect(runOf(recipe, inMemory({}, { checkpoints, events: { onStep }, checkpointSeconds: 0 }))).rejects.toThrow("pulled the plug");
    const resumed = await runOf(recipe, inMemory({}, { checkpoints }));
    expect(bytesOf(resumed).equals(bytesOf(whole))).toBe(true);
    expect(peersOf(resumed)).toEqual(peersOf(whole));
  });

  it("learn from a teacher too, where the student's losses say so", async () => {
    const teacher = await runOf({ ...base, student: { zoo: "mlp", hidden: [16] } });
    const told = inMemory({ "teacher.onnx": teacher.student.bytes });
    const outcome = await runOf({ ...mutual, teacher: "teacher.onnx", losses: [{ crossEntropy: {} }, { kd: {} }] }, told);
    expect(told.epochs[0]?.names).toContain("kd");
    expect(outcome.teachers).toHaveLength(1);
  });

  it("must fit the data", async () => {
    await expect(runOf({ ...mutual, mutual: { peers: [{ zoo: "mlp", classes: 7 }] } })).rejects.toThrow("tells 7 classes apart");
  });
});
