import { sourceName } from "../data/data-source.ts";
import type { Samples } from "../data/samples.ts";
import type { Outcome, TaughtBy } from "../distill/distill.ts";
import type { Recipe } from "../distill/recipe/schema.ts";
import { epochsOf } from "../distill/stages.ts";
import type { Exported, Trained } from "../distill/train-network.ts";
import type { Graph } from "../graph/graph.ts";
import { agreement, confusionMatrix, surestMistakes } from "../measure/classification.ts";
import { measureLatency, randomFeeds } from "../measure/latency.ts";
import { profileGraph } from "../measure/profile.ts";
import { scoresOf } from "../measure/scores.ts";
import { similarityCorrelation } from "../measure/similarity.ts";
import { LOGITS } from "../nn/layers.ts";
import { SEQUENCE } from "../nn/text.ts";
import { type Disagreement, type EpochRecord, type ModelReport, type Report, reductionOf, retentionOf } from "../report/report.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Predictions } from "../train/evaluation.ts";
import { thisMachine } from "./machine.ts";
import { packageVersion } from "./package.ts";
import { withPictures } from "./thumbnail.ts";

const BATCHES = [1, 64] as const;
const GALLERY = 48;

/** Measures the networks of a run and puts together its report. @param seconds Wall time of the run. */
export async function outcomeReport(
  outcome: Outcome,
  runtime: Runtime,
  curves: { readonly student: readonly EpochRecord[]; readonly baseline: readonly EpochRecord[] },
  seconds: number,
): Promise<Report> {
  const { recipe, data, teachers, relatives, student, baseline } = outcome;
  const length = data.test.texts?.lengths.at(-1);
  const isClassified = data.test.classes.length > 0;
  const reference = isClassified ? undefined : teachers[0];
  const measured = async (graph: Graph, bytes: Uint8Array, predictions: Predictions, accuracy: ModelReport["accuracy"]) => ({
    ...(await modelReport(runtime, length, graph, bytes, predictions, accuracy)),
    ...(isClassified ? { scores: scoresOf(predictions) } : similarityTo(reference, graph, predictions)),
  });
  const reportOf = ({ graph, bytes, predictions, ...network }: Exported | Trained) =>
    measured(
      graph,
      bytes,
      predictions,
      "accuracy" in network ? { ...network.accuracy, bestEpoch: network.bestEpoch } : { lastEpoch: predictions.accuracy },
    );
  const studentReport = await reportOf(student);
  const teacherReports: ModelReport[] = [];
  for (const { graph, bytes, predictions } of teachers) {
    teacherReports.push(await measured(graph, bytes, predictions, { lastEpoch: predictions.accuracy }));
  }
  const relativeReports: NonNullable<Report["relatives"]>[number][] = [];
  for (const { name, network } of relatives) relativeReports.push({ name, model: await reportOf(network) });
  const [teacher] = teachers;
  const [teacherReport, ...otherTeachers] = teacherReports;
  return {
    limbeck: { schema: 1 },
    recipe,
    seed: recipe.seed,
    protocol: protocol(outcome),
    versions: { limbeck: packageVersion(), onnxruntime: runtime.version, node: process.version },
    machine: thisMachine(),
    teacher: teacherReport,
    ...(otherTeachers.length > 0 && { otherTeachers }),
    ...(relativeReports.length > 0 && { relatives: relativeReports }),
    student: studentReport,
    baseline: baseline && (await reportOf(baseline)),
    ...(teacher &&
      teacherReport && {
        ...(isClassified && {
          agreement: agreement(student.predictions.logits, teacher.predictions.logits, student.predictions.classes),
          retention: retentionOf(teacherReport, studentReport),
        }),
        reduction: reductionOf(teacherReport, studentReport),
      }),
    teacherCache: student.teacherCache,
    epochs: epochsOf(recipe),
    seconds,
    curves: { student: curves.student, ...(baseline ? { baseline: curves.baseline } : {}) },
    classes: data.test.classes,
    confusion: isClassified ? confusionMatrix(student.predictions) : [],
    mistakes: isClassified ? await withPictures(data.test, surestMistakes(student.predictions, GALLERY)) : [],
    disagreements: teacher && isClassified ? await disagreements(data.test, teacher.predictions, student.predictions) : [],
  };
}

/** How a network's vectors go with the teacher's. The scores of a classifier that isn't used are no vectors. */
function similarityTo(
  teacher: TaughtBy | undefined,
  { outputs }: Graph,
  { logits, classes }: Predictions,
): Pick<ModelReport, "similarity"> {
  if (!teacher || outputs[0]?.name === LOGITS || logits.length / classes < 3) return {};
  const theirs = teacher.predictions;
  return { similarity: similarityCorrelation({ data: logits, size: classes }, { data: theirs.logits, size: theirs.classes }) };
}

/** @param length Of texts, in tokens. */
async function modelReport(
  runtime: Runtime,
  length: number | undefined,
  graph: Graph,
  bytes: Uint8Array,
  predictions: Predictions,
  accuracy: ModelReport["accuracy"],
): Promise<ModelReport> {
  const sizes: Readonly<Record<string, number>> = length === undefined ? {} : { [SEQUENCE]: length };
  const { parameters, flops } = profileGraph(graph, sizes);
  const session = await runtime.createSession(bytes);
  const latencyMs: Record<string, { median: number; p95: number }> = {};
  for (const batch of BATCHES) {
    const { median, p95 } = await measureLatency(session, randomFeeds(graph, { ...batchOf(graph, batch), ...sizes }));
    latencyMs[`batch${batch}`] = { median, p95 };
  }
  await session.release();
  const testSamples = predictions.labels.length;
  return {
    name: graph.name,
    parameters,
    flops,
    bytes: bytes.length,
    accuracy,
    errors: Math.round((1 - predictions.accuracy) * testSamples),
    testSamples,
    latencyMs,
  };
}

/** Sets the symbolic batch dimension. */
function batchOf(graph: Graph, size: number): Record<string, number> {
  const dimension = graph.inputs[0]?.shape[0];
  return typeof dimension === "string" ? { [dimension]: size } : {};
}

function protocol({ recipe, data, relatives, baseline }: Outcome): string {
  const { train, validation, test, notes } = data;
  return [
    `Trained on ${train.length} samples of ${sourceName(recipe.data)}, ${validation.length} held out for validation, tested on all ${test.length} test samples.`,
    ...(notes ?? []),
    "'Last epoch' is the network after the last epoch; 'best on validation' is the test accuracy of the epoch that was best on the validation samples.",
    `student.onnx holds the weights of the ${recipe.keep === "best" ? "epoch best on validation" : "last epoch"}${recipe.average ? ", averaged over steps" : ""}; errors, agreement and confusion are of that file.`,
    relatives.some(({ name }) => /^(assistant|generation)-/.test(name))
      ? "Assistants and earlier generations were trained before the student in the same way, each taught by the network before it."
      : "",
    baseline
      ? "The baseline is the same network with the same initial weights, data order, augmentation and schedule, trained on the labels alone."
      : "",
    `Latency is the median and 95th percentile of repeated runs on this machine's CPU, ${threadsText(recipe)}.`,
    test.texts ? `It is of texts of ${test.texts.lengths.at(-1)} tokens, as FLOPs are.` : "",
  ]
    .filter((sentence) => sentence !== "")
    .join(" ");
}

const threadsText = ({ threads }: Recipe): string => (threads === undefined ? "all threads" : `${threads} threads`);

/** Test samples that teacher and student see differently, those the student is surest of first. */
async function disagreements(test: Samples, teacher: Predictions, student: Predictions): Promise<Disagreement[]> {
  const found: Disagreement[] = [];
  for (let index = 0; index < test.length; index++) {
    const [taught, learnt] = [predictionOf(teacher, index), predictionOf(student, index)];
    if (taught.class !== learnt.class) found.push({ index, label: test.label(index), teacher: taught, student: learnt });
  }
  const surest = found.sort((a, b) => b.student.probability - a.student.probability).slice(0, GALLERY);
  return withPictures(test, surest);
}

function predictionOf({ logits, classes }: Predictions, index: number): Disagreement["student"] {
  const row = logits.subarray(index * classes, (index + 1) * classes);
  const highest = row.reduce((most, logit) => Math.max(most, logit), Number.NEGATIVE_INFINITY);
  return { class: row.indexOf(highest), probability: 1 / row.reduce((sum, logit) => sum + Math.exp(logit - highest), 0) };
}
