import { evaluationBatches } from "../data/batches.ts";
import { feedsFor } from "../data/inputs.ts";
import type { Normalization } from "../data/normalize.ts";
import type { Samples } from "../data/samples.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import type { Float32Tensor, Tensor } from "../graph/tensor.ts";
import type { Runtime, Session, SessionOptions } from "../runtime/runtime.ts";
import { answersOnly, classifierInterface } from "./classifier.ts";
import type { State } from "./trainer.ts";

/** A classifier's answers on a set of samples; or a network's vectors, where samples have no classes. */
export interface Predictions {
  /** [samples, classes], row-major; of vectors, `classes` is how many numbers each has. */
  readonly logits: Float32Array;
  readonly labels: Int32Array;
  readonly classes: number;
  /** NaN where there are no classes. */
  readonly accuracy: number;
  /** Mean cross-entropy, in nats; NaN where there are no classes. */
  readonly loss: number;
}

/** A network whose weights are inputs, so that a network in training can be evaluated without loading it anew each time. */
export interface Evaluator {
  predict(samples: Samples, weights: State): Promise<Predictions>;
  release(): Promise<void>;
}

/** The runtime keeps the memory of a batch's activations: of 250 images that was 80 MB more. */
const EVALUATION_BATCH = 64;
/** Tokens in a batch: of texts that are long there are fewer. */
const MOST_TOKENS = 8192;

export async function createEvaluator(
  runtime: Runtime,
  network: Graph,
  weights: readonly string[],
  normalization: Normalization,
  options?: SessionOptions,
): Promise<Evaluator> {
  const answering = answersOnly(network);
  const taken = weights.filter((name) => answering.initializers.has(name));
  const session = await runtime.createSession(writeOnnx(withWeightInputs(answering, taken)), options);
  return {
    predict: (samples, current) =>
      predict(
        session,
        answering,
        samples,
        normalization,
        Object.fromEntries(taken.map((name) => [name, current.get(name) as Float32Tensor])),
      ),
    release: () => session.release(),
  };
}

/** Runs a classifier over samples. @param feeds Further inputs, such as weights. */
export async function predict(
  session: Session,
  network: Graph,
  samples: Samples,
  normalization: Normalization,
  feeds: Readonly<Record<string, Float32Tensor>> = {},
): Promise<Predictions> {
  const { inputs, logits: output } = classifierInterface(network);
  const names = inputs.map(({ name }) => name);
  const classes = Number(output.shape[1]);
  const longest = samples.texts?.lengths.at(-1) ?? 0;
  const batchSize = Math.max(1, Math.min(EVALUATION_BATCH, Math.floor(MOST_TOKENS / longest)));
  const logits = new Float32Array(samples.length * classes);
  const labels = new Int32Array(samples.length);
  for await (const batch of evaluationBatches(samples, { batchSize, normalization })) {
    const result = await session.run({ ...feeds, ...feedsFor(names, batch.inputs) }, { fetch: [output.name] });
    const { data } = result[output.name] as Float32Tensor;
    batch.indices.forEach((index, row) => {
      logits.set(data.subarray(row * classes, (row + 1) * classes), index * classes);
      labels[index] = batch.labels.data[row] as number;
    });
  }
  const scored = samples.classes.length > 0 ? score(logits, labels, classes) : { accuracy: Number.NaN, loss: Number.NaN };
  return { logits, labels, classes, ...scored };
}

/** Accuracy and mean cross-entropy of logits [N, classes]. */
function score(logits: Float32Array, labels: Int32Array, classes: number): { accuracy: number; loss: number } {
  let correct = 0;
  let loss = 0;
  labels.forEach((label, sample) => {
    const row = logits.subarray(sample * classes, (sample + 1) * classes);
    const highest = row.reduce((most, value) => Math.max(most, value), -Infinity);
    if (row.indexOf(highest) === label) correct++;
    loss += highest + Math.log(row.reduce((sum, value) => sum + Math.exp(value - highest), 0)) - (row[label] as number);
  });
  return { accuracy: correct / labels.length, loss: loss / labels.length };
}

function withWeightInputs(network: Graph, weights: readonly string[]): Graph {
  const initializers = new Map(network.initializers);
  const inputs = weights.map((name): Value => {
    const { type, shape } = initializers.get(name) as Tensor;
    initializers.delete(name);
    return { name, type, shape };
  });
  return { ...network, inputs: [...network.inputs, ...inputs], initializers };
}
