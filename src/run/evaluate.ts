import { basename } from "node:path";
import { statisticsOf } from "../data/normalize.ts";
import { checkClassifier, normalizationOf } from "../distill/network.ts";
import { confusionMatrix, expectedCalibrationError } from "../measure/classification.ts";
import { nodeRuntime } from "../runtime/node.ts";
import type { Device } from "../runtime/runtime.ts";
import { predict } from "../train/evaluation.ts";
import { openNamedData } from "./named-data.ts";
import { readOnnxFile } from "./onnx-file.ts";

export interface EvaluateOptions {
  /** A directory or file of data of any kind, `KIND:PATH`, or `npm:PACKAGE/DIRECTORY`. */
  readonly data: string;
  /** Height and width of images, where the model takes any. */
  readonly size?: number;
  readonly split?: "train" | "test";
  /** The CPU unless given. */
  readonly device?: Device;
  readonly relativeTo?: string;
}

export interface Evaluation {
  readonly model: string;
  readonly data: string;
  readonly split: "train" | "test";
  readonly samples: number;
  /** Fraction of 1. */
  readonly accuracy: number;
  readonly errors: number;
  /** Mean cross-entropy, in nats. */
  readonly loss: number;
  /** Expected calibration error, 15 bins. */
  readonly calibrationError: number;
  /** [C][C]: how many samples of each class (row) were taken for each class (column). */
  readonly confusion: readonly (readonly number[])[];
}

/**
 * Tests an ONNX classifier on all samples of a split. Inputs are normalised as its metadata says, else by the training set's statistics.
 */
export async function evaluate(
  path: string,
  { data, size, split = "test", device, relativeTo = process.cwd() }: EvaluateOptions,
): Promise<Evaluation> {
  const { graph, bytes } = await readOnnxFile(path);
  const splits = await openNamedData(data, graph, { relativeTo, size });
  const samples = splits[split];
  const network = checkClassifier(graph, samples, path);
  const session = await nodeRuntime({ device }).createSession(bytes);
  try {
    const predictions = await predict(session, network, samples, normalizationOf(network, path) ?? (await statisticsOf(splits.train)));
    const { labels, accuracy, loss } = predictions;
    return {
      model: basename(path),
      data,
      split,
      samples: labels.length,
      accuracy,
      errors: Math.round((1 - accuracy) * labels.length),
      loss,
      calibrationError: expectedCalibrationError(predictions),
      confusion: confusionMatrix(predictions),
    };
  } finally {
    await session.release();
  }
}
