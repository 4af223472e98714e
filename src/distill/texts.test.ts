import { beforeAll, describe, expect, it } from "vitest";
import { inlineLoader, type OpenLoader } from "../data/loader.ts";
import type { Samples, Splits } from "../data/samples.ts";
import { encodingOf, samplesOf, VOCABULARY } from "../data/texts.fixture.ts";
import { type Texts, tokenInputs } from "../data/texts.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import { bertClassifier } from "../nn/zoo/bert.ts";
import { mlp } from "../nn/zoo/mlp.ts";
import { decodeCheckpoint } from "../train/checkpoint.ts";
import type { EpochEvent } from "../train/fit.ts";
import { memoryStore } from "./cache/memory-store.fixture.ts";
import { inMemory, runOf } from "./distill.fixture.ts";
import type { Outcome } from "./distill.ts";
import type { Environment } from "./environment.ts";
import type { RecipeInput } from "./recipe/schema.ts";

const LENGTHS = [6, 12];
const texts = (count: number, salt: number, lengths: readonly number[] = LENGTHS): Samples =>
  samplesOf(
    Array.from({ length: count }, (_, index) => encodingOf(3 + ((index * 5 + salt) % 10), index + salt)),
    { lengths },
  );
const splits = (lengths?: readonly number[]): Splits => ({
  train: texts(40, 0, lengths),
  validation: texts(8, 100, lengths),
  test: texts(24, 200, lengths),
});

const size = { hidden: 16, heads: 2, intermediate: 32 };
const student = { zoo: "bert", layers: 2, ...size, dropout: 0 } as const;
const base = {
  data: { text: "memory", tokenizer: "memory" },
  student,
  optimizer: { adamw: { learningRate: 0.005 } },
  epochs: 2,
  batchSize: 8,
} satisfies RecipeInput;
const teacher = writeOnnx(bertClassifier({ layers: 4, ...size }, { classes: 2, seed: 4, vocabulary: VOCABULARY }));
const distilling = {
  ...base,
  teacher: "teacher.onnx",
  losses: [{ hinton: { temperature: 2 } }],
  baseline: false,
  shares: false,
} satisfies RecipeInput;

const opening = (more: Partial<Environment> = {}, lengths?: readonly number[]) =>
  inMemory({ "teacher.onnx": teacher }, { openData: async () => splits(lengths), ...more });
const bytesOf = ({ student }: Outcome) => Buffer.from(student.bytes);

/** The largest difference of two networks' weights. */
function difference(a: Outcome, b: Outcome): number {
  const others = b.student.graph.initializers;
  const values = [...a.student.graph.initializers].flatMap(([name, { type, data }]) =>
    type === "float32" ? Array.from(data as Float32Array, (value, index) => Math.abs(value - Number(others.get(name)?.data[index]))) : [],
  );
  return Math.max(...values);
}

describe("a student of texts", () => {
  let whole: Outcome;
  beforeAll(async () => {
    whole = await runOf(distilling, opening());
  });

  it("learns from a deeper teacher, and is the same bytes again", async () => {
    expect(whole.teachers[0]?.predictions.labels).toHaveLength(24);
    expect(whole.student.predictions.loss).toBeLessThan(0.75);
    expect(bytesOf(await runOf(distilling, opening())).equals(bytesOf(whole))).toBe(true);
  });

  it("killed after any step and resumed ends with the same bytes", async () => {
    const saved: Uint8Array[] = [];
    const checkpoints = (from?: Uint8Array) => () => ({
      load: async () => from,
      save: async (bytes: Uint8Array) => void saved.push(bytes.slice()),
    });
    await runOf(distilling, opening({ checkpoints: checkpoints(), checkpointSeconds: 0 }));
    expect(saved).toHaveLength(10);
    for (const from of [saved[1], saved[4], saved[6]]) {
      const { epoch, step } = decodeCheckpoint(from as Uint8Array, "test").progress;
      const resumed = await runOf(distilling, opening({ checkpoints: checkpoints(from) }));
      expect(bytesOf(resumed).equals(bytesOf(whole)), `from epoch ${epoch}, step ${step}`).toBe(true);
    }
  });

  it("is what it would be with all batches padded to the longest text, to rounding", async () => {
    const padded: number[] = [];
    const openLoader: OpenLoader = (samples, options) => {
      const loader = inlineLoader(samples, options);
      const texts = { ...(samples.texts as Texts), lengths: LENGTHS.slice(-1) };
      return {
        ...loader,
        async *epoch(epoch, startStep) {
          for await (const batch of loader.epoch(epoch, startStep)) {
            padded.push(batch.length as number);
            yield { ...batch, inputs: tokenInputs(texts, batch.indices), length: texts.lengths[0] };
          }
        },
      };
    };
    const longest = await runOf(distilling, opening({ openLoader }));
    expect(new Set(padded)).toEqual(new Set(LENGTHS));
    expect(difference(whole, longest)).toBeLessThan(1e-4);
    expect(difference(whole, await runOf({ ...distilling, seed: 1 }, opening()))).toBeGreaterThan(0.01);
  });

  it("has the loss of its labels and gradient shares at every length", async () => {
    const shares: Readonly<Record<string, number>>[] = [];
    const onEpoch = (_: unknown, { gradientShares }: EpochEvent) => void shares.push(gradientShares ?? {});
    await runOf({ ...distilling, shares: true, epochs: 3 }, opening({ events: { onEpoch } }));
    expect(shares).toHaveLength(3);
    for (const { crossEntropy, kd } of shares) expect((crossEntropy as number) + (kd as number)).toBeCloseTo(1, 5);
  });

  it.each([
    ["a BiLSTM", { zoo: "bilstm", embedding: 8, units: 4, hidden: 8 }],
    ["convolutions", { zoo: "text-cnn", embedding: 8, filters: 4 }],
    ["DistilBERT", { zoo: "distilbert", layers: 1, ...size }],
    ["a file", "teacher.onnx"],
  ] as [string, RecipeInput["student"]][])("may be %s", async (_, other) => {
    const outcome = await runOf({ ...distilling, student: other, epochs: 1 }, opening());
    expect(outcome.student.predictions.loss).toBeLessThan(1);
    expect(outcome.student.graph.metadata).toEqual({ "limbeck.classes": '["bad","good"]' });
  });

  it("learns from peers beside it", async () => {
    // The peer takes an input that the student doesn't.
    const recipe = {
      ...base,
      student: { zoo: "text-cnn", embedding: 8, filters: 4 },
      epochs: 1,
      shares: false,
      mutual: { peers: [student] },
    } as RecipeInput;
    const outcome = await runOf(recipe, opening());
    expect(outcome.student.peers[0]?.predictions.loss).toBeLessThan(1);
  });
});

describe("the teacher's cache", () => {
  it("keeps logits, which teach what the teacher itself does, to rounding", async () => {
    const shards = memoryStore();
    const live = await runOf({ ...distilling, cache: false }, opening());
    const filling = await runOf(distilling, opening({ shards }));
    const reading = await runOf(distilling, opening({ shards }));
    expect([filling, reading].map((outcome) => outcome.student.teacherCache?.computed)).toEqual([40, 0]);
    expect(bytesOf(reading).equals(bytesOf(filling))).toBe(true);
    expect(difference(live, filling)).toBeLessThan(1e-4);
    const padded = await runOf(distilling, opening({ shards }, [12]));
    expect(padded.student.teacherCache?.computed).toBe(40);
  });

  it("is left out, and that said, where a loss takes every token", async () => {
    const notices: string[] = [];
    const told = opening({ shards: memoryStore(), events: { onNotice: (text) => void notices.push(text) } });
    const losses = [{ hiddenMse: { pairs: [["layer1", "layer3"]] } }] as unknown as RecipeInput["losses"];
    const { student } = await runOf({ ...distilling, losses }, told);
    expect(student.teacherCache).toBeUndefined();
    expect(notices.join()).toMatch(/goes on without the teacher cache: .*"teacher:0:layer3" of each token/);
  });
});

describe("what doesn't fit is told before anything is trained:", () => {
  const other = (more: object, vocabulary = VOCABULARY) =>
    writeOnnx(bertClassifier({ layers: 1, ...size }, { classes: 2, seed: 0, vocabulary, ...more }));
  it.each<[string, Uint8Array, RegExp]>([
    ["a smaller vocabulary", other({}, 12), /knows 12 tokens, but the tokenizer gives numbers up to 16/],
    ["shorter texts", other({ positions: 10 }), /doesn't take texts of 12 tokens/],
    ["other classes", other({ classes: 3 }), /tells 3 classes apart, but the data has 2/],
    ["images", writeOnnx(mlp({ inputShape: [4], hidden: [4], classes: 2, seed: 0 })), /the data are texts/],
  ])("a student for %s", async (_, bytes, message) => {
    await expect(
      runOf({ ...base, student: "student.onnx" }, inMemory({ "student.onnx": bytes }, { openData: async () => splits() })),
    ).rejects.toThrow(message);
  });

  it("networks of the zoo for the other kind of samples", async () => {
    await expect(runOf({ ...base, student: { zoo: "mlp" } }, opening())).rejects.toThrow("The zoo's mlp doesn't take texts");
    await expect(runOf({ ...base, data: { idx: "memory" } }, inMemory())).rejects.toThrow("The zoo's bert doesn't take images");
  });
});
