import type { Batch } from "../data/batches.ts";
import type { Normalization } from "../data/normalize.ts";
import type { Samples } from "../data/samples.ts";
import type { Graph } from "../graph/graph.ts";
import { readOnnx } from "../graph/onnx/read.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import { elementCount, type Float32Tensor, float32, type Tensor } from "../graph/tensor.ts";
import type { Runtime, SessionOptions } from "../runtime/runtime.ts";
import { type Predictions, predict } from "../train/evaluation.ts";
import { classifierInterface } from "../train/step.ts";
import { checkClassifier, fitToSamples, normalizationOf } from "./network.ts";
import { TEACHER_LOGITS } from "./objective.ts";

/** A frozen network that answers questions about batches and samples. */
export interface Teacher {
  readonly graph: Graph;
  /** The ONNX file that runs: the given one, or what `fitToSamples` made of it. */
  readonly bytes: Uint8Array;
  /** The teacher's outputs on a training batch, by the step's input names; overwritten by the next call. */
  teach(batch: Batch): Promise<Readonly<Record<string, Tensor>>>;
  predict(samples: Samples): Promise<Predictions>;
  release(): Promise<void>;
}

/**
 * Loads a teacher for these samples.
 *
 * @param normalization How batches are normalised. A teacher whose metadata says otherwise gets them renormalised.
 */
export async function loadTeacher(
  runtime: Runtime,
  bytes: Uint8Array,
  source: string,
  samples: Samples,
  normalization: Normalization,
  options?: SessionOptions,
): Promise<Teacher> {
  const read = readOnnx(bytes, source);
  const fitted = fitToSamples(read, samples);
  const graph = checkClassifier(fitted, samples, source);
  const running = fitted === read ? bytes : writeOnnx(fitted);
  const session = await runtime.createSession(running, options);
  const own = normalizationOf(graph, source) ?? normalization;
  const [input, output] = classifierInterface(graph);
  const adapt = renormalizer(normalization, own);
  let logits = float32(new Float32Array(0), [0, samples.classes.length]);
  return {
    graph,
    bytes: running,
    teach: async (batch) => {
      if (logits.shape[0] !== batch.size)
        logits = float32(new Float32Array(batch.size * samples.classes.length), [batch.size, samples.classes.length]);
      await session.run({ [input.name]: adapt(batch.inputs) }, { into: { [output.name]: logits }, fetch: [] });
      return { [`teacher:${TEACHER_LOGITS}`]: logits };
    },
    predict: (asked) => predict(session, graph, asked, own),
    release: () => session.release(),
  };
}

/** Turns batches normalised one way into batches normalised another way: x·a + b per channel. */
function renormalizer(from: Normalization, to: Normalization): (inputs: Float32Tensor) => Float32Tensor {
  const factors = from.std.map((std, channel) => std / (to.std[channel] as number));
  const offsets = from.mean.map((mean, channel) => (mean - (to.mean[channel] as number)) / (to.std[channel] as number));
  if (factors.every((factor) => factor === 1) && offsets.every((offset) => offset === 0)) return (inputs) => inputs;
  let adapted = float32(new Float32Array(0), [0]);
  return (inputs) => {
    if (adapted.shape.join() !== inputs.shape.join()) adapted = float32(new Float32Array(inputs.data.length), inputs.shape);
    const plane = elementCount(inputs.shape.slice(2));
    for (let start = 0, channel = 0; start < inputs.data.length; start += plane, channel = (channel + 1) % factors.length) {
      const [factor, offset] = [factors[channel] as number, offsets[channel] as number];
      for (let index = start; index < start + plane; index++) adapted.data[index] = (inputs.data[index] as number) * factor + offset;
    }
    return adapted;
  };
}
