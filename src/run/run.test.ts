import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { RecipeInput } from "../distill/recipe/schema.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import { mlp } from "../nn/zoo/mlp.ts";
import { randomFor } from "../random.ts";
import { evaluate } from "./evaluate.ts";
import { distill, train } from "./run.ts";

const place = mkdtempSync(join(tmpdir(), "limbeck-test-"));
const out = join(place, "out");
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(out, { recursive: true, force: true });
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

/** Images of 4×4 pixels whose brightest row is their label. */
function writeIdx(part: string, count: number): void {
  const random = randomFor(count);
  const labels = Uint8Array.from({ length: count }, (_, index) => index % 4);
  const pixels = Array.from(labels).flatMap((label) =>
    Array.from({ length: 16 }, (_, pixel) => random.integer(0, 100) + (pixel >> 2 === label ? 155 : 0)),
  );
  writeFileSync(
    join(place, "data", `${part}-images-idx3-ubyte`),
    Uint8Array.of(0, 0, 8, 3, 0, 0, count >> 8, count & 255, 0, 0, 0, 4, 0, 0, 0, 4, ...pixels),
  );
  writeFileSync(join(place, "data", `${part}-labels-idx1-ubyte`), Uint8Array.of(0, 0, 8, 1, 0, 0, count >> 8, count & 255, ...labels));
}

beforeAll(() => {
  mkdirSync(join(place, "data"));
  writeIdx("train", 600);
  writeIdx("t10k", 80);
  writeFileSync(join(place, "teacher.onnx"), writeOnnx(mlp({ inputShape: [1, 4, 4], hidden: [8], classes: 4, seed: 1 })));
  writeFileSync(join(place, "distill.json"), JSON.stringify(taught));
});

const alone = {
  data: { idx: "data", validation: 80 },
  student: { zoo: "mlp", hidden: [8] },
  optimizer: { sgd: { learningRate: 0.1 } },
  batchSize: 40,
  epochs: 3,
} satisfies RecipeInput;
const taught = { ...alone, teacher: "teacher.onnx", losses: [{ kd: { temperature: 2 } }] } satisfies RecipeInput;

test("a network is trained, tested and reported on; without a directory nothing is written", async () => {
  const before = readdirSync(place);
  const run = await train(alone, { relativeTo: place });
  expect(run.directory).toBeUndefined();
  expect(run.report).toMatchObject({ epochs: 3, student: { testSamples: 80 } });
  expect(run.report.student.accuracy.lastEpoch).toBeGreaterThan(0.9);
  expect(run.report.curves.student.map(({ epoch }) => epoch)).toEqual([1, 2, 3]);
  expect(readdirSync(place)).toEqual(before);
});

test("each epoch's weights, temperatures and shares of the gradient are noted", async () => {
  const losses = [{ crossEntropy: { weight: 0.5 } }, { kd: { temperature: { steps: { 0: 4, 2: 2 } } } }] satisfies RecipeInput["losses"];
  const { report } = await distill({ ...taught, losses, baseline: false }, { out, relativeTo: place });
  const lines = readFileSync(join(out, "metrics.jsonl"), "utf8").trim().split("\n");
  const noted = lines.map((line) => JSON.parse(line));
  expect(noted.map(({ scalars }) => scalars)).toEqual(
    [4, 4, 2].map((temperature) => ({ "weight:crossEntropy": 0.5, "weight:kd": 1, "temperature:kd": temperature })),
  );
  for (const [index, { gradientShares, waiting }] of noted.entries()) {
    expect(gradientShares.crossEntropy + gradientShares.kd).toBeCloseTo(1, 9);
    expect(report.curves.student[index]?.gradientShares).toEqual(gradientShares);
    expect(waiting.gradients).toBeGreaterThan(0);
  }
});

test("paths in a recipe file are relative to it, and the written student is what the report says", async () => {
  const { report, student, directory } = await distill(join(place, "distill.json"), { out });
  expect(directory).toBe(out);
  expect(report.baseline).toBeDefined();
  expect(readFileSync(join(out, "student.onnx"))).toEqual(Buffer.from(student));
  const found = await evaluate(join(out, "student.onnx"), { data: "data", relativeTo: place });
  expect(found).toMatchObject({ accuracy: report.student.accuracy.lastEpoch, errors: report.student.errors, samples: 80 });
});

test("every network of a line is written, reported and resumed", async () => {
  const recipe: RecipeInput = {
    ...taught,
    assistants: [{ zoo: "mlp", hidden: [7] }],
    generations: { count: 2, ensemble: true },
    mutual: { peers: [{ zoo: "mlp", hidden: [6] }] },
    snapshots: [2],
  };
  const relatives = ["assistant-1", "generation-1", "peer-1", "ensemble"];
  const files = ["student", ...relatives, "baseline", "epoch-2"].map((name) => `${name}.onnx`);
  const { report } = await distill(recipe, { out, relativeTo: place });
  expect(report.relatives?.map(({ name }) => name)).toEqual(relatives);
  expect(report.relatives?.map(({ model }) => model.testSamples)).toEqual([80, 80, 80, 80]);
  expect(report.relatives?.[0]?.model.accuracy).toMatchObject({ bestEpoch: expect.any(Number), lastEpoch: expect.any(Number) });
  expect(
    readdirSync(out)
      .filter((name) => name.endsWith(".onnx"))
      .sort(),
  ).toEqual([...files].sort());
  const metrics = readFileSync(join(out, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { phase: string });
  expect([...new Set(metrics.map(({ phase }) => phase))]).toEqual(["assistant-1", "generation-1", "student", "baseline"]);
  expect(readFileSync(join(out, "report.html"), "utf8")).toContain("Generation 1");

  const whole = files.map((name) => readFileSync(join(out, name)));
  rmSync(out, { recursive: true });
  vi.stubEnv("LIMBECK_CHECKPOINT_SECONDS", "0");
  for (const dying of ["generation-1", "student"]) {
    const onStep = (phase: string, { epoch, step }: { readonly epoch: number; readonly step: number }) => {
      if (phase === dying && epoch === 2 && step === 3) throw new Error("pulled the plug");
    };
    await expect(distill(recipe, { out, relativeTo: place, resume: true, onProgress: { onStep } })).rejects.toThrow("pulled the plug");
  }
  await distill(recipe, { out, relativeTo: place, resume: true });
  for (const [index, name] of files.entries()) expect(readFileSync(join(out, name)).equals(whole[index] as Buffer), name).toBe(true);
});

describe("nothing is written when it is clear beforehand that it cannot work:", () => {
  const data = (changed: object) => ({ ...alone, data: { ...alone.data, ...changed } });
  test.each<[what: string, run: () => Promise<unknown>, message: RegExp]>([
    ["train with a teacher", () => train(taught, { out, relativeTo: place }), /losses need a teacher/],
    ["distill without one", () => distill(alone, { out, relativeTo: place }), /None of the recipe's losses learns from a teacher/],
    [
      "frozen weights that are not there",
      () => train({ ...alone, frozen: ["nowhere*"] }, { out, relativeTo: place }),
      /^"nowhere\*" in frozen matches no weight/,
    ],
    ["all weights frozen", () => train({ ...alone, frozen: ["*"] }, { out, relativeTo: place }), /no float32 weights to train/],
    [
      "normalisation of other channels",
      () => train(data({ normalize: { mean: [0, 0], std: [1, 1] } }), { out, relativeTo: place }),
      /2 means and 2 deviations do not fit 1 channels/,
    ],
    ["no samples left", () => train(data({ exclude: [0, 1, 2, 3] }), { out, relativeTo: place }), /^0 samples do not fill one batch of 40/],
    ["a class that is not there", () => train(data({ exclude: [4] }), { out, relativeTo: place }), /no class 4/],
    [
      "more validation than data",
      () => train(data({ validation: 600 }), { out, relativeTo: place }),
      /600 of 600 samples cannot be held out/,
    ],
    [
      "a package that is not installed",
      () => train(data({ idx: "npm:no-such-package/data" }), { out, relativeTo: place }),
      /no-such-package is not installed/,
    ],
    ["paths relative to elsewhere", () => train(alone, { out, relativeTo: tmpdir() }), /There is no such directory/],
  ])("%s", async (_, run, message) => {
    await expect(run()).rejects.toThrow(message);
    await expect(run()).rejects.toMatchObject({ name: "LimbeckError", exitCode: 2 });
    expect(existsSync(out)).toBe(false);
  });
});

test("a checkpoint that cannot be read is named, and kept", async () => {
  await train(alone, { out, relativeTo: place });
  const path = join(out, "checkpoints/student.safetensors");
  writeFileSync(path, readFileSync(path).subarray(0, 500));
  await expect(train(alone, { out, relativeTo: place, resume: true })).rejects.toMatchObject({
    message: expect.stringMatching(/^Not a usable checkpoint/),
    where: path,
  });
  expect(readFileSync(path)).toHaveLength(500);
});

test("how often a run is saved must be a number of seconds", async () => {
  vi.stubEnv("LIMBECK_CHECKPOINT_SECONDS", "often");
  await expect(train(alone, { out, relativeTo: place })).rejects.toMatchObject({
    message: '"often" is not a number of seconds.',
    where: "LIMBECK_CHECKPOINT_SECONDS",
  });
});
