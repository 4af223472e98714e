import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { Splits } from "../src/data/samples.ts";
import { encodingOf, samplesOf, VOCABULARY } from "../src/data/texts.fixture.ts";
import { inMemory, runOf } from "../src/distill/distill.fixture.ts";
import type { Environment } from "../src/distill/environment.ts";
import type { PresetName } from "../src/distill/recipe/presets.ts";
import type { RecipeInput } from "../src/distill/recipe/schema.ts";
import type { Graph } from "../src/graph/graph.ts";
import { writeOnnx } from "../src/graph/onnx/write.ts";
import { similarityCorrelation } from "../src/measure/similarity.ts";
import { bertClassifier, bertEmbedder } from "../src/nn/zoo/bert.ts";
import { reportHtml } from "../src/report/html.ts";
import { reportTable } from "../src/report/table.ts";
import { importModel } from "../src/run/import.ts";
import { outcomeReport } from "../src/run/outcome-report.ts";
import { nodeRuntime } from "../src/runtime/node.ts";

const texts = (count: number, salt: number, classes: number) => {
  const encodings = Array.from({ length: count }, (_, index) => encodingOf(3 + ((index * 5 + salt) % 10), index + salt));
  const labels = Int32Array.from({ length: count }, (_, index) => (classes === 0 ? -1 : (index + salt) % classes));
  return samplesOf(encodings, { lengths: [6, 12], classes: Array.from({ length: classes }, String), labels });
};
/** With no classes, texts without labels. */
const splits = (classes: number): Splits => ({
  train: texts(40, 0, classes),
  validation: texts(8, 100, classes),
  test: texts(24, 200, classes),
});

const base = {
  data: { text: "labelled", tokenizer: "memory" },
  optimizer: { adamw: { learningRate: 0.003 } },
  epochs: 2,
  batchSize: 8,
  baseline: false,
  shares: false,
} satisfies Omit<RecipeInput, "student">;

const embedding = { vocabulary: VOCABULARY, positions: 16, dropout: 0 };
const small = bertEmbedder({ layers: 1, hidden: 32, heads: 2, intermediate: 32 }, { ...embedding, seed: 9 });

/** Runs a recipe with a teacher, and says what its losses were at each step. */
async function runWith(teacher: Graph, recipe: Partial<RecipeInput> & Pick<RecipeInput, "student">, classes = 2) {
  const metrics: Readonly<Record<string, number>>[] = [];
  const openData: Environment["openData"] = async (data) => splits("text" in data && data.text === "labelled" ? classes : 0);
  const events: Environment["events"] = { onStep: (_, event) => void metrics.push(event.metrics) };
  const environment = inMemory({ "teacher.onnx": writeOnnx(teacher), "small.onnx": writeOnnx(small) }, { openData, events });
  const outcome = await runOf({ ...base, teacher: "teacher.onnx", ...recipe } as RecipeInput, environment);
  expect(metrics.every(({ loss }) => Number.isFinite(loss))).toBe(true);
  return { outcome, metrics };
}

const options = { vocabulary: VOCABULARY, positions: 16, classes: 2, seed: 4 };
const wide = { layers: 4, hidden: 96, heads: 2, intermediate: 48 };
const named = ["pkd", "distilbert", "tinybert", "minilm", "minilmv2"] as const satisfies readonly PresetName[];

describe("the presets for transformers", () => {
  it.each(named)("%s: a student of the zoo, half as deep and half as wide", async (preset) => {
    const student = { zoo: "bert", layers: 2, hidden: 48, heads: 2, intermediate: 48 } as const;
    const { outcome, metrics } = await runWith(bertClassifier(wide, options), { student, preset } as Partial<RecipeInput> & {
      student: typeof student;
    });
    expect(outcome.student.predictions.labels).toHaveLength(24);
    const stages = preset === "tinybert" || preset === "minilm" || preset === "minilmv2" ? 2 : 1;
    expect(metrics).toHaveLength(stages * 10);
  });

  it.each(named.filter((preset) => preset !== "minilmv2"))("%s: layers of an imported teacher", async (preset) => {
    const { graph } = await importModel(fileURLToPath(new URL("golden/pretrained/bert", import.meta.url)));
    const student = { from: "teacher.onnx", layers: { uniform: 2 } };
    const { outcome } = await runWith(graph, { student, preset } as Partial<RecipeInput> & { student: typeof student }, 3);
    const weights = [...outcome.student.graph.initializers.keys()].filter((name) => name.endsWith("attention.self.query.weight"));
    expect(weights).toEqual([0, 1].map((layer) => `bert.encoder.layer.${layer}.attention.self.query.weight`));
  });
});

describe("learning from masked words", () => {
  const teacher = bertClassifier({ ...wide, hidden: 32 }, { ...options, maskedLm: true, dropout: 0 });
  const student = { from: "teacher.onnx", layers: "everySecond" } as const;
  const unlabelled = { text: "unlabelled", tokenizer: "memory" } as const;

  it("of texts without labels, as DistilBERT does", async () => {
    const recipe = { data: unlabelled, student, preset: "distilbertPretraining", epochs: 6 } as unknown as RecipeInput;
    const { outcome, metrics } = await runWith(teacher, recipe);
    const [first, last] = [metrics[4], metrics.at(-1)] as [Record<string, number>, Record<string, number>];
    expect(Object.keys(first).sort()).toEqual(["hiddenCosine", "loss", "maskedLanguage", "wordKd"]);
    expect(last.maskedLanguage).toBeLessThan(first.maskedLanguage as number);
    expect(outcome.student.graph.outputs.map(({ name }) => name)).toEqual(["logits"]);
    expect(Number.isNaN(outcome.student.predictions.accuracy)).toBe(true);
    const again = await runWith(teacher, recipe);
    expect(Buffer.from(again.outcome.student.bytes).equals(Buffer.from(outcome.student.bytes))).toBe(true);
  });

  it("first, and then from labels", async () => {
    const stages = [
      { name: "words", data: unlabelled, losses: [{ maskedLanguage: { probability: 0.3 } }, { wordKd: { tokens: "masked" } }] },
      { name: "labels", losses: [{ crossEntropy: {} }, { kd: {} }] },
    ];
    const { metrics } = await runWith(teacher, { student, stages } as unknown as RecipeInput);
    expect([metrics[0], metrics.at(-1)].map((at) => at && "accuracy" in at)).toEqual([false, true]);
  });

  it("needs texts, a head, and a token to mask with", async () => {
    const losses = [{ maskedLanguage: {} }];
    const recipe = { student, losses } as unknown as RecipeInput;
    await expect(runWith(bertClassifier(wide, options), recipe)).rejects.toThrow('The student has no value named "mlm"');
  });
});

describe("sentence embeddings", () => {
  const teacher = bertEmbedder({ ...wide, hidden: 32 }, { ...embedding, seed: 4 });
  const recipe = {
    data: { text: "unlabelled", tokenizer: "memory" },
    student: "small.onnx",
    losses: [{ cosine: { pairs: ["output"] } }, { rkdDistance: {} }, { hint: { weight: 1, pairs: ["output"] } }],
    epochs: 20,
    baseline: true,
  } as unknown as RecipeInput;

  it("are learnt of texts alone, and measured by their similarities", async () => {
    const { outcome, metrics } = await runWith(teacher, recipe);
    const before = await runWith(teacher, { ...recipe, epochs: 1, optimizer: { adamw: { learningRate: 1e-9 } } });
    expect(Object.keys(metrics[0] as object).sort()).toEqual(["cosine", "hint", "loss", "rkdDistance"]);
    const report = await reportOf(outcome);
    const start = await reportOf(before.outcome);
    expect(report.student.similarity).toBeGreaterThan((start.student.similarity as number) + 0.05);
    expect(report.teacher?.similarity).toBeCloseTo(1, 12);
    const vectors = ({ predictions: { logits, classes } }: typeof outcome.student) => ({ data: logits, size: classes });
    const theirs = outcome.teachers[0]?.predictions;
    const expected = similarityCorrelation(vectors(outcome.student), {
      data: theirs?.logits ?? new Float32Array(),
      size: theirs?.classes ?? 1,
    });
    expect(report.student.similarity).toBe(expected);
    expect(outcome.student.graph.outputs.map(({ name }) => name)).toEqual(["sentence_embedding"]);
  });

  it("have a report without classes", async () => {
    const { outcome } = await runWith(teacher, { ...recipe, epochs: 1 });
    const report = await reportOf(outcome);
    expect(report).toMatchObject({ classes: [], confusion: [], mistakes: [], disagreements: [] });
    for (const key of ["agreement", "retention", "baseline"] as const) expect(report[key], key).toBeUndefined();
    const table = reportTable(JSON.parse(JSON.stringify(report)), { color: false });
    expect(table).toContain("Similarities as the teacher's");
    expect(table).not.toMatch(/accuracy|errors|NaN/i);
    const page = reportHtml(JSON.parse(JSON.stringify(report)));
    expect(page).toContain("Spearman");
    expect(page).not.toMatch(/NaN|errors<|– of/);
  });

  it("can't be told by losses on classes", async () => {
    await expect(runWith(teacher, { ...recipe, losses: [{ kd: {} }] })).rejects.toThrow(/loss "kd" is of classes/);
  });

  const reportOf = (outcome: Parameters<typeof outcomeReport>[0]) =>
    outcomeReport(outcome, nodeRuntime({ threads: 1 }), { student: [], baseline: [] }, 1);
});
