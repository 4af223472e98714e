import { basename, resolve } from "node:path";
import { statisticsOf } from "../data/normalize.ts";
import type { Samples } from "../data/samples.ts";
import { normalizationOf } from "../distill/network.ts";
import { readTeacher } from "../distill/teacher.ts";
import type { Graph } from "../graph/graph.ts";
import { agreement, confusionMatrix, surestMistakes } from "../measure/classification.ts";
import { scoresOf } from "../measure/scores.ts";
import type { Evaluation } from "../report/evaluation.ts";
import { nodeRuntime } from "../runtime/node.ts";
import type { Device, Runtime } from "../runtime/runtime.ts";
import { type Predictions, predict } from "../train/evaluation.ts";
import { openNamedData } from "./named-data.ts";
import { readOnnxFile } from "./onnx-file.ts";
import { withPictures } from "./thumbnail.ts";

export interface EvaluateOptions {
  /** A directory or file of data of any kind, `KIND:PATH`, `npm:PACKAGE/DIRECTORY`, or a recipe's file, whose data are meant. */
  readonly data: string;
  /** Height and width of images, where the model takes any. */
  readonly size?: number;
  /** Of texts: a folder or file; the one beside the model unless given. */
  readonly tokenizer?: string;
  readonly split?: "train" | "test";
  /** An ONNX classifier of the same classes, to compare the answers with. */
  readonly teacher?: string;
  /** The CPU unless given. */
  readonly device?: Device;
  readonly relativeTo?: string;
}

/** Mistakes that are shown. */
const GALLERY = 48;

/**
 * Tests an ONNX classifier on all samples of a split, which are resized where it takes images of another size. Inputs are normalised as its
 * metadata says, else by the training set's statistics.
 */
export async function evaluate(path: string, options: EvaluateOptions): Promise<Evaluation> {
  const { data, split = "test", teacher, device } = options;
  const runtime = nodeRuntime({ device });
  const { samples, predictions } = await testModel(runtime, { ...(await readOnnxFile(path)), path }, options);
  const taught = teacher === undefined ? undefined : await testModel(runtime, { ...(await readOnnxFile(teacher)), path: teacher }, options);
  const { crossEntropy: loss, ...scores } = scoresOf(predictions);
  return {
    model: basename(path),
    data,
    split,
    samples: samples.length,
    errors: Math.round((1 - scores.accuracy) * samples.length),
    ...scores,
    loss,
    teacher: taught && {
      model: basename(teacher as string),
      accuracy: taught.predictions.accuracy,
      agreement: agreement(predictions.logits, taught.predictions.logits, predictions.classes),
    },
    classes: samples.classes,
    confusion: confusionMatrix(predictions),
    mistakes: await withPictures(samples, surestMistakes(predictions, GALLERY)),
  };
}

/**
 * What a classifier says about the samples of a split, images being as it takes them.
 *
 * @throws LimbeckError when it doesn't fit them.
 */
export async function testModel(
  runtime: Runtime,
  model: { readonly graph: Graph; readonly bytes: Uint8Array; readonly path: string },
  { data, size, tokenizer, split = "test", relativeTo = process.cwd() }: EvaluateOptions,
): Promise<{ readonly samples: Samples; readonly predictions: Predictions }> {
  const splits = await openNamedData(data, model.graph, resolve(relativeTo, model.path), { relativeTo, size, tokenizer });
  const samples = splits[split];
  const { graph, bytes } = readTeacher(model.bytes, model.path, samples);
  const session = await runtime.createSession(bytes);
  try {
    const normalization = normalizationOf(graph, model.path) ?? (await statisticsOf(splits.train));
    return { samples, predictions: await predict(session, graph, samples, normalization) };
  } finally {
    await session.release();
  }
}
