import { LimbeckError } from "../errors.ts";
import { elementCount, type Float32Tensor, float32, int32, type Tensor } from "../graph/tensor.ts";
import { INPUT_IDS } from "../nn/text.ts";
import { permutation, randomFor } from "../random.ts";
import { type Inputs, VALUES } from "./inputs.ts";
import { type MixOptions, type MixtureOf, mixedRowWriter, mixtures, samplesFor } from "./mix.ts";
import { type Near, near } from "./near.ts";
import type { Normalization } from "./normalize.ts";
import { type RowWriter, rowWriter } from "./rows.ts";
import type { Samples } from "./samples.ts";
import { byLength, maskedInputs, shuffledBatches, type Texts, tokenInputs } from "./texts.ts";
import { tokenMasking } from "./token-masking.ts";
import type { Transform } from "./transforms.ts";

/** Some samples as tensors. */
export interface Batch {
  /** Values `[B, C, H, W]`, or tokens `[B, S]`. */
  readonly inputs: Inputs;
  /** `[B]`, int32; −1 where a sample has none. */
  readonly labels: Tensor;
  /** Where samples are mixed: the labels of what each is mixed with, `[B]`, int32, and the share of its own label, `[B]`. */
  readonly partners?: { readonly labels: Tensor; readonly share: Float32Tensor };
  /** `[B]`: which samples these are. */
  readonly indices: Uint32Array;
  /** Which of their augmentations; 0 where nothing is drawn. */
  readonly view: number;
  /** B */
  readonly size: number;
  /** S: tokens of each sample, padding included, where they are texts. */
  readonly length?: number;
}

export interface EvaluationBatchOptions {
  readonly batchSize: number;
  /** None: values stay in 0..1. */
  readonly normalization?: Normalization;
}

export interface ViewBatchOptions extends EvaluationBatchOptions {
  readonly seed: number;
  readonly view: number;
  /** Applied in turn, before normalisation. */
  readonly transforms?: readonly Transform[];
  /** How each is mixed with another, both transformed; not at all unless given. */
  readonly mix?: MixOptions;
  /** The share of a text's words that are masked, to be guessed; none unless given. */
  readonly maskWords?: number;
}

export interface TrainingBatchOptions extends Omit<ViewBatchOptions, "view"> {
  readonly epoch: number;
  /** After how many epochs the augmentations repeat; unless given, each epoch draws new ones. */
  readonly views?: number;
}

const SHUFFLE = 0x53687566;
const TRANSFORM = 0x54726e73;
const BATCHES = 0x42617463;

/** Full batches in an epoch; what is left over is dropped, and falls on other samples in the next epoch. */
export function stepsPerEpoch(samples: Samples, batchSize: number): number {
  checkBatchSize(batchSize);
  if (samples.length < batchSize) {
    throw new LimbeckError(`${samples.length} samples do not fill one batch of ${batchSize}.`, {
      where: samples.name,
      hint: "Give a smaller batch size.",
    });
  }
  return Math.floor(samples.length / batchSize);
}

/** The batches of an epoch, each of which can be made by itself. */
export interface Epoch {
  readonly steps: number;
  /** Makes the batch of a step, in buffers for `batchSize` samples; at once, where samples are in memory. */
  batch(step: number, buffers: BatchBuffers): Batch | Promise<Batch>;
  /** Begins to bring into memory what the batch of a step is made of. Absent where all samples are there. */
  ahead?(step: number): void;
}

export interface BatchBuffers {
  /** `[batchSize · sample]`; tokens have memory of their own. */
  readonly inputs: Float32Array<ArrayBuffer>;
  /** `[batchSize]` */
  readonly labels: Int32Array<ArrayBuffer>;
  /** Where samples are mixed, `[batchSize]` each. */
  readonly partners?: { readonly labels: Int32Array<ArrayBuffer>; readonly share: Float32Array<ArrayBuffer> };
}

export function batchBuffers(
  { sampleShape, texts }: Samples,
  { batchSize, mix }: Pick<ViewBatchOptions, "batchSize" | "mix">,
): BatchBuffers {
  return {
    inputs: new Float32Array(texts ? 0 : batchSize * elementCount(sampleShape)),
    labels: new Int32Array(batchSize),
    ...(mix && { partners: { labels: new Int32Array(batchSize), share: new Float32Array(batchSize) } }),
  };
}

/** Which augmentation of each sample an epoch shows. */
export function viewOf(options: Pick<TrainingBatchOptions, "epoch" | "views" | "transforms" | "mix" | "maskWords">): number {
  const { epoch, views, transforms = [], mix, maskWords } = options;
  return transforms.length === 0 && !mix && maskWords === undefined ? 0 : views === undefined ? epoch : epoch % views;
}

/**
 * One epoch of training: shuffled by (seed, epoch), each sample transformed by its own stream of (seed, view, index). A batch therefore
 * depends on nothing drawn before it, so that batches can be made in any order, anywhere, and are the same. Texts of like length are
 * together (`byLength`).
 *
 * @throws LimbeckError when the samples do not fill one batch, or an option does not fit them.
 */
export function trainingEpoch(samples: Samples, options: TrainingBatchOptions): Epoch {
  const { batchSize, seed, epoch } = options;
  const steps = stepsPerEpoch(samples, batchSize);
  const drawn = permutation(samples.length, randomFor(seed, epoch, SHUFFLE)).subarray(0, steps * batchSize);
  const order = samples.texts
    ? shuffledBatches(byLength(samples.texts, drawn, batchSize), batchSize, randomFor(seed, epoch, BATCHES))
    : drawn;
  return ofView(samples, order, { ...options, view: viewOf(options) });
}

function ofView(samples: Samples, order: Uint32Array, options: ViewBatchOptions): Epoch {
  const { seed, view, mix, transforms = [], maskWords } = options;
  if (samples.texts) {
    const make = maskWords === undefined ? tokensOf(samples.texts) : maskedTokensOf(samples.texts, maskWords, { seed, view });
    if (!mix && transforms.length === 0) return inOrder(near(samples), order, options, make);
    throw new LimbeckError("Texts can't be transformed or mixed as images are.", {
      where: samples.name,
      hint: "Leave data.augment and data.mix out.",
    });
  }
  if (maskWords !== undefined) {
    throw new LimbeckError("Only words of texts can be masked, and these samples are no texts.", {
      where: samples.name,
      hint: "Leave the loss maskedLanguage out.",
    });
  }
  const source = near(samples);
  const write = rowWriter(source.samples, options, (index) => randomFor(seed, view, index, TRANSFORM));
  if (!mix) return inOrder(source, order, options, valuesOf(samples, write));
  const mixtureOf = mixtures(samples, mix, seed, view);
  return inOrder(source, order, options, valuesOf(samples, mixedRowWriter(source.samples, options, write, mixtureOf)), mixtureOf);
}

/**
 * The samples of an order in one augmentation: what training sees of them in the epochs of that view; the last batch may be smaller. Buffers
 * serve as in `trainingBatches`.
 */
export function viewBatches(samples: Samples, order: Uint32Array, options: ViewBatchOptions): AsyncIterable<Batch> {
  return inTurn(samples, ofView(samples, order, options), options);
}

/**
 * The batches of a training epoch, from `startStep` on: what an uninterrupted epoch would have given. The buffers of `inputs` and `labels`
 * serve every other batch of an iteration: a batch may be held while the next one is made, and is overwritten by the one after that.
 *
 * @throws LimbeckError as `trainingEpoch`, and for a start outside the epoch.
 */
export function trainingBatches(samples: Samples, options: TrainingBatchOptions & { readonly startStep?: number }): AsyncIterable<Batch> {
  const { batchSize, startStep = 0 } = options;
  const steps = stepsPerEpoch(samples, batchSize);
  checkStart(samples, startStep, steps);
  return inTurn(samples, trainingEpoch(samples, options), options, startStep);
}

/**
 * Every sample once, untransformed, in order, but for texts, which come by their lengths; the last batch may be smaller. Buffers serve as in
 * `trainingBatches`.
 */
export function evaluationBatches(samples: Samples, { batchSize, normalization }: EvaluationBatchOptions): AsyncIterable<Batch> {
  checkBatchSize(batchSize);
  const all = Uint32Array.from({ length: samples.length }, (_, index) => index);
  const source = near(samples);
  const { texts } = samples;
  const order = texts ? byLength(texts, all, batchSize) : all;
  const make = texts ? tokensOf(texts) : valuesOf(samples, rowWriter(source.samples, { normalization }, nothingRandom));
  return inTurn(samples, inOrder(source, order, { batchSize, view: 0 }, make), { batchSize });
}

const nothingRandom = () => randomFor();

/** What networks are fed of the samples of a batch. */
type MakeInputs = (indices: Uint32Array, buffers: BatchBuffers) => Inputs;

const tokensOf =
  (texts: Texts): MakeInputs =>
  (indices) =>
    tokenInputs(texts, indices);

function maskedTokensOf(texts: Texts, share: number, view: { readonly seed: number; readonly view: number }): MakeInputs {
  const masking = tokenMasking({ special: texts.special, vocabularySize: texts.vocabulary }, share);
  return (indices) => maskedInputs(texts, indices, masking, view);
}

function valuesOf({ sampleShape }: Samples, write: RowWriter): MakeInputs {
  const size = elementCount(sampleShape);
  return (indices, { inputs }) => {
    indices.forEach((index, row) => void write(index, inputs, row * size));
    return valuesIn(inputs, indices.length, sampleShape);
  };
}

/** The values of so many samples that lie in a buffer. */
export const valuesIn = (buffer: Float32Array, count: number, sampleShape: readonly number[]): Inputs => ({
  [VALUES]: float32(buffer.subarray(0, count * elementCount(sampleShape)), [count, ...sampleShape]),
});

function inOrder(
  { samples, fetch, show }: Near,
  order: Uint32Array,
  { batchSize, view }: Pick<ViewBatchOptions, "batchSize" | "view">,
  makeInputs: MakeInputs,
  mixtureOf?: MixtureOf,
): Epoch {
  const steps = Math.ceil(order.length / batchSize);
  const indicesOf = (step: number) => order.subarray(step * batchSize, (step + 1) * batchSize);
  const make = (indices: Uint32Array, buffers: BatchBuffers): Batch => {
    const { labels, partners } = buffers;
    const inputs = makeInputs(indices, buffers);
    indices.forEach((index, row) => {
      labels[row] = samples.label(index);
      if (!partners || !mixtureOf) return;
      const { partner, share } = mixtureOf(index);
      partners.labels[row] = samples.label(partner);
      partners.share[row] = share;
    });
    return batchOf(buffers, indices, inputs, view);
  };
  if (!fetch) return { steps, batch: (step, buffers) => make(indicesOf(step), buffers) };
  const neededFor = (step: number) => samplesFor(indicesOf(step), mixtureOf);
  const coming = new Map<number, Promise<Samples>>();
  return {
    steps,
    ahead: (step) => {
      if (step >= steps || coming.has(step)) return;
      const brought = fetch(neededFor(step));
      // It may fail without anybody asking for it.
      brought.catch(() => {});
      coming.set(step, brought);
    },
    batch: async (step, buffers) => {
      const needed = neededFor(step);
      const brought = await (coming.get(step) ?? fetch(needed));
      coming.delete(step);
      show(needed, brought);
      return make(indicesOf(step), buffers);
    },
  };
}

/** The batch whose labels lie in buffers: as many rows as there are indices. */
export function batchOf({ labels, partners }: BatchBuffers, indices: Uint32Array, inputs: Inputs, view: number): Batch {
  const size = indices.length;
  return {
    inputs,
    labels: int32(labels.subarray(0, size), [size]),
    ...(partners && {
      partners: { labels: int32(partners.labels.subarray(0, size), [size]), share: float32(partners.share.subarray(0, size), [size]) },
    }),
    indices,
    view,
    size,
    length: inputs[INPUT_IDS]?.shape[1],
  };
}

function inTurn(samples: Samples, epoch: Epoch, options: Pick<ViewBatchOptions, "batchSize" | "mix">, startStep = 0): AsyncIterable<Batch> {
  return {
    async *[Symbol.asyncIterator]() {
      const buffers = [batchBuffers(samples, options), batchBuffers(samples, options)] as const;
      for (let step = startStep; step < epoch.steps; step++) {
        const batch = await epoch.batch(step, buffers[step % 2 === 0 ? 0 : 1]);
        epoch.ahead?.(step + 1);
        yield batch;
      }
    },
  };
}

/** @throws LimbeckError for a step outside an epoch. */
export function checkStart({ name }: Samples, startStep: number, steps: number): void {
  if (!Number.isInteger(startStep) || startStep < 0 || startStep > steps) {
    throw new LimbeckError(`Step ${startStep} is outside an epoch of ${steps} steps.`, { where: name });
  }
}

function checkBatchSize(batchSize: number): void {
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new LimbeckError(`A batch cannot have ${batchSize} samples.`, { hint: "Give a whole number of 1 or more as the batch size." });
  }
}
