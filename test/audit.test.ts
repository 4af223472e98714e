import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RecipeInput } from "../src/distill/recipe/schema.ts";
import { graphBuilder } from "../src/graph/builder/builder.ts";
import { inlineGraph } from "../src/graph/builder/inline.ts";
import type { Graph, Value } from "../src/graph/graph.ts";
import { readOnnx } from "../src/graph/onnx/read.ts";
import { writeOnnx } from "../src/graph/onnx/write.ts";
import { int64 } from "../src/graph/tensor.ts";
import { smallCnn } from "../src/nn/zoo/small-cnn.ts";
import { resolveRecipe } from "../src/run/run.ts";
import type { AuditReport } from "../src/search/audit/audit-report.ts";
import { type AuditOptions, audit } from "../src/search/audit/run-audit.ts";
import { limbeck, root, scratch, writeRecipe, writeSmallMnist } from "./limbeck.ts";

const { path: place, remove } = scratch();
afterAll(remove);

const recipe = {
  data: { idx: "mnist", validation: 800 },
  teacher: "teacher.onnx",
  student: { zoo: "mlp", hidden: [32] },
  losses: [{ hinton: { temperature: 1 } }],
  optimizer: { sgd: { learningRate: { oneCycle: { peak: 0.1 } } } },
  epochs: 8,
  batchSize: 32,
} satisfies RecipeInput;

/** The teacher's answers, made into others. */
function changed(teacher: Graph, change: (g: ReturnType<typeof graphBuilder>, logits: Value) => Value): Uint8Array {
  const g = graphBuilder("changed");
  const image = g.input("image", "float32", ["N", 1, 28, 28]);
  const inside = inlineGraph(g, teacher, { bind: new Map([[teacher.inputs[0]?.name as string, image]]) });
  g.output(change(g, inside.get(teacher.outputs[0]?.name as string) as Value), "changed");
  const { "limbeck.classes": _, ...metadata } = teacher.metadata;
  return writeOnnx({ ...g.build(), metadata });
}

const ORDER = [3, 1, 4, 0, 5, 9, 2, 6, 8, 7];

beforeAll(() => {
  writeSmallMnist(join(place, "mnist"), { train: 1500, test: 100 });
  copyFileSync(join(root, "examples/mnist/teacher.onnx"), join(place, "teacher.onnx"));
  const teacher = readOnnx(readFileSync(join(place, "teacher.onnx")));
  const write = (name: string, bytes: Uint8Array) => writeFileSync(join(place, name), bytes);
  write("untrained.onnx", writeOnnx(smallCnn({ inputShape: [1, 28, 28], channels: [8, 16], depth: 1, hidden: 32, classes: 10, seed: 3 })));
  write(
    "permuted.onnx",
    changed(teacher, (g, logits) => g.gather(logits, g.constant(int64(ORDER)), 1)),
  );
  write(
    "softmax.onnx",
    changed(teacher, (g, logits) => g.softmax(logits)),
  );
  // As if it took other values than those it was trained on.
  const normalization = JSON.stringify({ mean: [0.9], std: [0.05] });
  write("inputs.onnx", writeOnnx({ ...teacher, metadata: { ...teacher.metadata, "limbeck.normalization": normalization } }));
  mkdirSync(join(place, "run"));
  write("run/student.onnx", writeOnnx(teacher));
  write("run/report.json", Buffer.from(JSON.stringify({ student: { bytes: writeOnnx(teacher).length, accuracy: { lastEpoch: 1 } } })));
  writeRecipe(join(place, "recipe.yaml"), recipe);
});

const audited = async (overrides: readonly string[], options: Partial<AuditOptions> = {}) => {
  const resolved = await resolveRecipe(join(place, "recipe.yaml"), overrides);
  return audit({ recipe: resolved.recipe, relativeTo: place, jobs: 2, ...options });
};

test("a trained teacher is to be distilled where few labels are known; all is written", async () => {
  const args = [
    "audit",
    "recipe.yaml",
    "--out",
    "audit",
    "--set",
    "data.labels.keep=70",
    "--samples",
    "600",
    "--jobs",
    "2",
    "--teachers",
    "untrained.onnx",
  ];
  const { code, stdout, stderr } = await limbeck(args, { cwd: place });
  expect({ code, stderr: stderr.includes("Error") }).toEqual({ code: 0, stderr: false });
  expect(stdout).toMatch(/^Distil: the student gains [\d.]+ points/);
  expect(stdout).toMatch(/Temperature +Highest probability/);
  const report = JSON.parse(readFileSync(join(place, "audit/audit.json"), "utf8")) as AuditReport;
  expect(report.verdict.advice).toBe("distil");
  const { probe, alone, teacher, ratios, samples } = report.figures;
  expect(samples).toBe(800);
  expect(teacher.scores.accuracy).toBeGreaterThan(0.97);
  expect(ratios.parameters).toBeCloseTo(652_818 / 25_450, 6);
  expect(probe).toMatchObject({ samples: 600, epochs: 6, seeds: [0, 1, 2], isCutShort: false, reach: { samples: 700, epochs: 8 } });
  expect(alone?.isMeasured).toBe(true);
  expect(probe?.taught.gain.mean).toBeGreaterThan(probe?.taught.gain.margin ?? 1);
  expect(probe?.taught.agreement).toBeGreaterThan(probe?.alone.agreement ?? 1);
  const [untrained] = probe?.others ?? [];
  expect(untrained).toMatchObject({ kind: "teacher", teacherAccuracy: expect.any(Number) });
  expect(untrained?.lead.mean).toBeLessThan(-(untrained?.lead.margin ?? 0));
  const page = readFileSync(join(place, "audit/audit.html"), "utf8");
  expect(page).toContain("Distil: the student gains");
  expect(page).toContain("What soft targets say beyond labels");
  expect(existsSync(join(place, ".cache/limbeck/teacher"))).toBe(true);
});

test.each<[what: string, overrides: readonly string[], advice: string, summary: RegExp]>([
  ["untrained", ["teacher=untrained.onnx"], "do not distil", /wrong for this data/],
  [
    "of permuted classes",
    ["teacher=permuted.onnx"],
    "distil, but first",
    /^Distil, but first put the teacher's classes in the order of the data\.$/,
  ],
  ["that gives probabilities", ["teacher=softmax.onnx"], "distil, but first", /take the teacher's logits/],
  ["as small as the student", ["student=teacher.onnx"], "do not distil", /as big as the teacher/],
])("a teacher %s", async (_, overrides, advice, summary) => {
  const { verdict, figures } = await audited(overrides);
  expect(verdict).toMatchObject({ advice, summary: expect.stringMatching(summary) });
  // What is plain without them needs no runs.
  expect(figures.probe).toBeUndefined();
});

test("says in which order the classes are, and how inputs were to be normalised", async () => {
  const permuted = (await audited(["teacher=permuted.onnx"])).figures.teacher;
  // The model's class k is the data's ORDER[k].
  expect(permuted.reordering.order.map((of) => ORDER[of])).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(permuted.reordering.accuracy).toBeGreaterThan(0.97);
  const { verdict, figures } = await audited(["teacher=inputs.onnx"]);
  expect(figures.teacher.renormalized?.gain).toBeGreaterThan(0.05);
  expect(verdict.summary).toContain(figures.teacher.renormalized?.name);
});

test("a teacher is held to what the report beside it says", async () => {
  expect((await audited(["teacher=run/student.onnx"], { budget: 1e-4 })).figures).toMatchObject({ teacher: { claim: 1 } });
});

test("a budget that is too short leaves the verdict to the figures", async () => {
  const { verdict, figures } = await audited([], { budget: 1e-4 });
  expect(figures.probe).toBeUndefined();
  expect(verdict).toMatchObject({ advice: "distil", summary: expect.stringContaining("not tried") });
});

test.each<[what: string, overrides: readonly string[], message: RegExp]>([
  ["no teacher", ["teacher=null"], /names no teacher/],
  ["no validation samples", ["data.validation=0"], /no validation samples/],
  ["a file that isn't there", ["teacher=nowhere.onnx"], /no such file/],
])("%s is a mistake", async (_, overrides, message) => {
  await expect(audited(overrides)).rejects.toThrow(message);
});
