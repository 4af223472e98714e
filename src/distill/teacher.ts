import { type Batch, trainingBatches } from "../data/batches.ts";
import { feedsFor, type Inputs, VALUES } from "../data/inputs.ts";
import type { Normalization } from "../data/normalize.ts";
import type { Samples } from "../data/samples.ts";
import type { Graph, Shape, Value } from "../graph/graph.ts";
import { readOnnx } from "../graph/onnx/read.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import { canonicalize } from "../graph/rewrite/canonicalize.ts";
import { inferShapes } from "../graph/rewrite/infer.ts";
import { pruneDead } from "../graph/rewrite/prune.ts";
import { substitute } from "../graph/shapes/symbolic.ts";
import { elementCount, type Float32Tensor, float32, type Tensor } from "../graph/tensor.ts";
import { SEQUENCE } from "../nn/text.ts";
import type { Feeds, Runtime, SessionOptions } from "../runtime/runtime.ts";
import { classifierInterface } from "../train/classifier.ts";
import { type Predictions, predict } from "../train/evaluation.ts";
import { checkClassifier, fitToSamples, normalizationOf } from "./network.ts";
import { LOGITS, teacherName } from "./objective.ts";
import { frozen } from "./teacher/frozen.ts";
import { type Fidelity, fidelity, inInt8 } from "./teacher/int8.ts";

/** A network to learn from, as it was read and fitted to the samples. */
export interface ReadTeacher {
  readonly graph: Graph;
  /** The ONNX file of it. */
  readonly bytes: Uint8Array;
  readonly source: string;
}

/** A frozen network that answers questions about batches and samples. */
export interface Teacher {
  readonly graph: Graph;
  /** The ONNX file of what answers: the given one, what `fitToSamples` made of it, or that in int8. */
  readonly bytes: Uint8Array;
  /** Of a teacher in int8: how near it is to the one in float32, on validation samples. */
  readonly fidelity?: Fidelity;
  /** The shape of each output that training learns from, for one sample, by the step's input names; open where it is that of a text. */
  readonly outputs: Readonly<Record<string, Shape>>;
  /** These outputs on a training batch; overwritten by the next call. */
  teach(batch: Batch): Promise<Readonly<Record<string, Tensor>>>;
  predict(samples: Samples): Promise<Predictions>;
  release(): Promise<void>;
}

export interface TeacherOptions extends SessionOptions {
  /** With these a teacher answers in int8: calibrated on training samples, and compared with itself in float32 on these. */
  readonly int8?: { readonly validation: Samples };
  /** What training learns from: the shape for one sample, by tensor; the logits alone unless given. */
  readonly outputs?: Readonly<Record<string, Shape>>;
  /** Its place among several. */
  readonly index?: number;
}

/** @throws LimbeckError when the model is none, or does not fit the samples. */
export function readTeacher(bytes: Uint8Array, source: string, samples: Samples): ReadTeacher {
  const read = readOnnx(bytes, source);
  const fitted = fitToSamples(read, samples, normalizationOf(read, source));
  return { graph: checkClassifier(fitted, samples, source), bytes: fitted === read ? bytes : writeOnnx(fitted), source };
}

/**
 * Loads a teacher for these samples.
 *
 * @param normalization How batches are normalised. A teacher whose metadata says otherwise gets them renormalised.
 */
export async function loadTeacher(
  runtime: Runtime,
  { graph, bytes, source }: ReadTeacher,
  samples: Samples,
  normalization: Normalization,
  { int8, index = 0, outputs = { [LOGITS]: [samples.classes.length] }, ...options }: TeacherOptions = {},
): Promise<Teacher> {
  const own = normalizationOf(graph, source) ?? normalization;
  const { inputs, logits: output } = classifierInterface(graph);
  const names = inputs.map(({ name }) => name);
  const tapped = withOutputs(graph, Object.keys(outputs));
  const rewritten = frozen(tapped);
  let session = await runtime.createSession(rewritten === graph ? bytes : writeOnnx(rewritten), options);
  let rounded: { readonly bytes: Uint8Array; readonly fidelity: Fidelity } | undefined;
  if (int8) {
    const exact = await predict(session, graph, int8.validation, own);
    await session.release();
    const quantized = writeOnnx(await inInt8(runtime, tapped, calibrationBatches(names, samples, own), options));
    session = await runtime.createSession(quantized, options);
    rounded = { bytes: quantized, fidelity: fidelity(exact, await predict(session, graph, int8.validation, own)) };
  }
  const adapt = renormalizer(normalization, own);
  const answers = answerBuffers(outputs, output.name);
  const inputNames = Object.entries(outputs).map(([tensor, shape]) => [`teacher:${teacherName(index, tensor)}`, tensor, shape] as const);
  return {
    graph,
    bytes,
    ...rounded,
    outputs: Object.fromEntries(inputNames.map(([name, , shape]) => [name, shape])),
    teach: async (batch) => {
      const into = answers(batch);
      await session.run(feedsFor(names, adapt(batch.inputs)), { into, fetch: [] });
      return Object.fromEntries(inputNames.map(([name, tensor]) => [name, into[tensor === LOGITS ? output.name : tensor] as Tensor]));
    },
    predict: (asked) => predict(session, graph, asked, own),
    release: () => session.release(),
  };
}

/** The network with inner values among its outputs, and without those that nobody asks for. */
function withOutputs(whole: Graph, tensors: readonly string[]): Graph {
  const asked = whole.outputs.filter(({ name }, index) => index === 0 || tensors.includes(name));
  const network = asked.length < whole.outputs.length ? pruneDead({ ...whole, outputs: asked }) : whole;
  const inner = tensors.filter((tensor) => tensor !== LOGITS && !network.outputs.some(({ name }) => name === tensor));
  if (inner.length === 0) return network;
  const graph = canonicalize(network);
  const values = inferShapes(graph);
  return { ...graph, outputs: [...graph.outputs, ...inner.map((tensor) => values.get(tensor) as Value)] };
}

/** Tensors for what is learnt from, by the names of the network's outputs; they serve as long as batches are of one size and length. */
function answerBuffers(outputs: Readonly<Record<string, Shape>>, logits: string) {
  let made: Pick<Batch, "size" | "length"> = { size: -1 };
  let buffers: Record<string, Float32Tensor> = {};
  return ({ size, length = 0 }: Batch): Readonly<Record<string, Float32Tensor>> => {
    if (size === made.size && length === made.length) return buffers;
    made = { size, length };
    const sizes = new Map([[SEQUENCE, length]]);
    buffers = Object.fromEntries(
      Object.entries(outputs).map(([tensor, open]) => {
        const shape = [size, ...open.map((dimension) => Number(substitute(dimension, sizes)))];
        return [tensor === LOGITS ? logits : tensor, float32(new Float32Array(elementCount(shape)), shape)];
      }),
    );
    return buffers;
  };
}

/** Samples to calibrate with; more of them change little. */
const CALIBRATION = { batchSize: 64, batches: 8 };

/** The same few batches of training samples each time, as they are without augmentation. */
async function* calibrationBatches(names: readonly string[], samples: Samples, normalization: Normalization): AsyncIterable<Feeds> {
  const batchSize = Math.min(CALIBRATION.batchSize, samples.length);
  let left = CALIBRATION.batches;
  for await (const batch of trainingBatches(samples, { batchSize, seed: 0, epoch: 0, normalization })) {
    if (left-- === 0) return;
    yield feedsFor(names, batch.inputs);
  }
}

/** Turns batches normalised one way into batches normalised another way: x·a + b per channel. */
function renormalizer(from: Normalization, to: Normalization): (inputs: Inputs) => Inputs {
  const factors = from.std.map((std, channel) => std / (to.std[channel] as number));
  const offsets = from.mean.map((mean, channel) => (mean - (to.mean[channel] as number)) / (to.std[channel] as number));
  if (factors.every((factor) => factor === 1) && offsets.every((offset) => offset === 0)) return (inputs) => inputs;
  let adapted = float32(new Float32Array(0), [0]);
  return (given) => {
    const inputs = given[VALUES] as Float32Tensor;
    if (adapted.shape.join() !== inputs.shape.join()) adapted = float32(new Float32Array(inputs.data.length), inputs.shape);
    const plane = elementCount(inputs.shape.slice(2));
    for (let start = 0, channel = 0; start < inputs.data.length; start += plane, channel = (channel + 1) % factors.length) {
      const [factor, offset] = [factors[channel] as number, offsets[channel] as number];
      for (let index = start; index < start + plane; index++) adapted.data[index] = (inputs.data[index] as number) * factor + offset;
    }
    return { [VALUES]: adapted };
  };
}
