import { basename, dirname, join } from "node:path";
import { lacksLabels } from "../../data/labels.ts";
import type { Normalization } from "../../data/normalize.ts";
import type { Samples } from "../../data/samples.ts";
import { normalizationOf } from "../../distill/network.ts";
import type { ReadTeacher } from "../../distill/teacher.ts";
import { bestReordering, type Reordering } from "../../measure/assignment.ts";
import { confusionMatrix } from "../../measure/classification.ts";
import { readIfThere } from "../../run/files.ts";
import type { Runtime, Session } from "../../runtime/runtime.ts";
import { type Predictions, predict } from "../../train/evaluation.ts";
import { someOf } from "../probe-job.ts";
import type { TeacherFigures } from "./figures.ts";

/** A teacher's answers, and what is wrong with how it is asked. */
export interface CheckedTeacher extends Pick<TeacherFigures, "reordering" | "renormalized" | "trainAccuracy" | "givesProbabilities"> {
  /** The validation samples that it was asked about: some of many, where it is slow. */
  readonly asked: Samples;
  readonly validation: Predictions;
  readonly train: Predictions;
  /** Milliseconds for a sample, forward, in batches. */
  readonly sampleMs: number;
}

/** Validation samples: more change no verdict, and fewer aren't enough for one. */
const [MOST, LEAST] = [5000, 500];
/** Samples whose soft targets are looked at, and those that other normalisations are tried on. */
const [SOFT, TRIED] = [1000, 500];
/** What each of these may take of the budget. */
const SHARE = 0.1;
const TIMED = 32;
/** An order of more classes takes long to find, and one sample in hundreds says little about it. */
const MOST_CLASSES = 1000;

/** Asks a teacher about validation samples and some of training. @param budgetMs Of the whole audit. */
export async function checkTeacher(
  runtime: Runtime,
  { graph, bytes, source }: ReadTeacher,
  { train, validation, normalization }: { readonly train: Samples; readonly validation: Samples; readonly normalization: Normalization },
  budgetMs: number,
): Promise<CheckedTeacher> {
  const own = normalizationOf(graph, source) ?? normalization;
  const session = await runtime.createSession(bytes);
  try {
    const timed = someOf(validation, TIMED);
    const began = performance.now();
    await predict(session, graph, timed, own);
    const sampleMs = (performance.now() - began) / timed.length;
    let count = MOST;
    while (count * sampleMs > SHARE * budgetMs && count > LEAST) count = Math.max(LEAST, count >> 1);
    const asked = someOf(validation, count);
    const answers = await predict(session, graph, asked, own);
    const soft = await predict(session, graph, someOf(train, SOFT), own);
    const tried = Math.min(TRIED, Math.floor((SHARE * budgetMs) / (usual.length * sampleMs)));
    return {
      asked,
      validation: answers,
      train: soft,
      trainAccuracy: lacksLabels(train) ? undefined : soft.accuracy,
      sampleMs,
      givesProbabilities: areProbabilities(answers),
      reordering: reorderingOf(answers),
      renormalized: tried < 1 ? undefined : await bestOtherwise(session, graph, someOf(asked, tried), own),
    };
  } finally {
    await session.release();
  }
}

/** Whether what should be logits has been through a softmax. */
function areProbabilities({ logits, classes, labels }: Predictions): boolean {
  return labels.every((_, sample) => {
    const row = logits.subarray(sample * classes, (sample + 1) * classes);
    return row.every((value) => value >= 0) && Math.abs(row.reduce((sum, value) => sum + value, 0) - 1) < 1e-3;
  });
}

function reorderingOf(answers: Predictions): Reordering {
  if (answers.classes > MOST_CLASSES)
    return { order: Array.from({ length: answers.classes }, (_, index) => index), accuracy: answers.accuracy };
  return bestReordering(confusionMatrix(answers));
}

/** Normalisations that networks are commonly trained with, for values from 0 to 1; of one channel, or of three. */
const usual: readonly (readonly [name: string, mean: readonly number[], std: readonly number[]])[] = [
  ["from 0 to 1", [0], [1]],
  ["from −1 to 1", [0.5], [0.5]],
  ["from 0 to 255", [0], [1 / 255]],
  ["from −128 to 127", [128 / 255], [1 / 255]],
  ["by the mean and deviation of ImageNet", [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]],
];

/** The best of the usual normalisations, if it is better than the one in use; whatever the order of the classes, which is another mistake. */
async function bestOtherwise(
  session: Session,
  graph: ReadTeacher["graph"],
  samples: Samples,
  own: Normalization,
): Promise<TeacherFigures["renormalized"]> {
  const accuracyBy = async (normalization: Normalization) => reorderingOf(await predict(session, graph, samples, normalization)).accuracy;
  const before = await accuracyBy(own);
  let best: TeacherFigures["renormalized"];
  for (const [name, mean, std] of usual) {
    if (mean.length > 1 && mean.length !== own.mean.length) continue;
    const spread = (values: readonly number[]) => own.mean.map((_, channel) => values[channel] ?? (values[0] as number));
    const reached = await accuracyBy({ mean: spread(mean), std: spread(std) });
    if (reached - before > (best?.gain ?? 0)) best = { name, gain: reached - before };
  }
  return best;
}

/** What the report beside a student.onnx says that it reaches; nothing where there is none, or it is of another file. */
export async function claimBeside(path: string, bytes: Uint8Array): Promise<number | undefined> {
  if (basename(path) !== "student.onnx") return undefined;
  try {
    const report = await readIfThere(join(dirname(path), "report.json"));
    const { student } = JSON.parse(new TextDecoder().decode(report)) as {
      student?: { bytes?: unknown; accuracy?: { lastEpoch?: unknown } };
    };
    const claim = student?.bytes === bytes.length ? student.accuracy?.lastEpoch : undefined;
    return typeof claim === "number" && claim >= 0 && claim <= 1 ? claim : undefined;
  } catch {
    return undefined;
  }
}

/** The share of the most frequent class. */
export function chanceOf(samples: Samples): number {
  const counts = new Map<number, number>();
  for (let index = 0; index < samples.length; index++) counts.set(samples.label(index), (counts.get(samples.label(index)) ?? 0) + 1);
  return Math.max(...counts.values()) / samples.length;
}
