import { basename } from "node:path";
import { openIdxDirectory } from "../data/node/idx-directory.ts";
import { channelStatistics, type Normalization } from "../data/normalize.ts";
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
import { readOnnxBytes } from "./onnx-file.ts";
import { thumbnail } from "./thumbnail.ts";

export interface EvaluateOptions {
  /** A directory of IDX files, or `npm:PACKAGE/DIRECTORY`. */
  readonly data: string;
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
export async function evaluate(
  path: string,
  { data, split = "test", teacher, device, relativeTo = process.cwd() }: EvaluateOptions,
): Promise<Evaluation> {
  const files = await Promise.all((teacher === undefined ? [path] : [path, teacher]).map((file) => readOnnxBytes(file)));
  const { samples, test } = await openTest(nodeRuntime({ device }), { data, split, relativeTo });
  const predictions = await test(files[0] as Uint8Array, path);
  const taught = files[1] && (await test(files[1], teacher as string));
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
      accuracy: taught.accuracy,
      agreement: agreement(predictions.logits, taught.logits, predictions.classes),
    },
    classes: samples.classes,
    confusion: confusionMatrix(predictions),
    mistakes: surestMistakes(predictions, GALLERY).map((mistake) => ({ ...mistake, image: thumbnail(samples, mistake.index) })),
  };
}

/** Samples, and what runs classifiers over them, each fitted to them. */
export interface Test {
  readonly samples: Samples;
  /** @throws LimbeckError when a model doesn't fit the samples. */
  test(bytes: Uint8Array, source: string): Promise<Predictions>;
}

export async function openTest(
  runtime: Runtime,
  { data, split, relativeTo }: Required<Pick<EvaluateOptions, "data" | "split" | "relativeTo">>,
): Promise<Test> {
  const splits = await openIdxDirectory(data, { validation: 0, splitSeed: 0, relativeTo });
  const samples = splits[split];
  let statistics: Normalization | undefined;
  const normalizationFor = (graph: Graph, source: string): Normalization => {
    const own = normalizationOf(graph, source);
    if (own) return own;
    statistics ??= channelStatistics(splits.train);
    return statistics;
  };
  return {
    samples,
    test: async (bytes, source) => {
      const { graph, bytes: fitted } = readTeacher(bytes, source, samples);
      const session = await runtime.createSession(fitted);
      try {
        return await predict(session, graph, samples, normalizationFor(graph, source));
      } finally {
        await session.release();
      }
    },
  };
}
