import { LimbeckError } from "../errors.ts";
import { elementCount, type Float32Tensor, float32, int32, type Tensor } from "../graph/tensor.ts";
import { permutation, randomFor } from "../random.ts";
import { type MixOptions, type MixtureOf, mixedRowWriter, mixtures, samplesFor } from "./mix.ts";
import { type Near, near } from "./near.ts";
import type { Normalization } from "./normalize.ts";
import { type RowWriter, rowWriter } from "./rows.ts";
import type { Samples } from "./samples.ts";
import type { Transform } from "./transforms.ts";

/** Some samples as tensors. */
export interface Batch {
  /** `[B, C, H, W]` */
  readonly inputs: Float32Tensor;
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
}

export interface TrainingBatchOptions extends Omit<ViewBatchOptions, "view"> {
  readonly epoch: number;
  /** After how many epochs the augmentations repeat; unless given, each epoch draws new ones. */
  readonly views?: number;
}

const SHUFFLE = 0x53687566;
const TRANSFORM = 0x54726e73;

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
  /** `[batchSize · sample]` */
  readonly inputs: Float32Array<ArrayBuffer>;
  /** `[batchSize]` */
  readonly labels: Int32Array<ArrayBuffer>;
  /** Where samples are mixed, `[batchSize]` each. */
  readonly partners?: { readonly labels: Int32Array<ArrayBuffer>; readonly share: Float32Array<ArrayBuffer> };
}

export function batchBuffers({ sampleShape }: Samples, { batchSize, mix }: Pick<ViewBatchOptions, "batchSize" | "mix">): BatchBuffers {
  return {
    inputs: new Float32Array(batchSize * elementCount(sampleShape)),
    labels: new Int32Array(batchSize),
    ...(mix && { partners: { labels: new Int32Array(batchSize), share: new Float32Array(batchSize) } }),
  };
}

/** Which augmentation of each sample an epoch shows. */
export function viewOf(options: Pick<TrainingBatchOptions, "epoch" | "views" | "transforms" | "mix">): number {
  const { epoch, views, transforms = [], mix } = options;
  return transforms.length === 0 && !mix ? 0 : views === undefined ? epoch : epoch % views;
}

/**
 * One epoch of training: shuffled by (seed, epoch), each sample transformed by its own stream of (seed, view, index). A batch therefore
 * depends on nothing drawn before it, so that batches can be made in any order, anywhere, and are the same.
 *
 * @throws LimbeckError when the samples do not fill one batch, or an option does not fit them.
 */
export function trainingEpoch(samples: Samples, options: TrainingBatchOptions): Epoch {
  const { batchSize, seed, epoch } = options;
  const steps = stepsPerEpoch(samples, batchSize);
  const order = permutation(samples.length, randomFor(seed, epoch, SHUFFLE)).subarray(0, steps * batchSize);
  return ofView(samples, order, { ...options, view: viewOf(options) });
}

function ofView(samples: Samples, order: Uint32Array, options: ViewBatchOptions): Epoch {
  const { seed, view, mix } = options;
  const source = near(samples);
  const write = rowWriter(source.samples, options, (index) => randomFor(seed, view, index, TRANSFORM));
  if (!mix) return inOrder(source, order, options, write);
  const mixtureOf = mixtures(samples, mix, seed, view);
  return inOrder(source, order, options, mixedRowWriter(source.samples, options, write, mixtureOf), mixtureOf);
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

/** Every sample, in order, untransformed; the last batch may be smaller. Buffers serve as in `trainingBatches`. */
export function evaluationBatches(samples: Samples, { batchSize, normalization }: EvaluationBatchOptions): AsyncIterable<Batch> {
  checkBatchSize(batchSize);
  const order = Uint32Array.from({ length: samples.length }, (_, index) => index);
  const source = near(samples);
  const write = rowWriter(source.samples, { normalization }, nothingRandom);
  return inTurn(samples, inOrder(source, order, { batchSize, view: 0 }, write), { batchSize });
}

const nothingRandom = () => randomFor();

function inOrder(
  { samples, fetch, show }: Near,
  order: Uint32Array,
  { batchSize, view }: Pick<ViewBatchOptions, "batchSize" | "view">,
  write: RowWriter,
  mixtureOf?: MixtureOf,
): Epoch {
  const { sampleShape } = samples;
  const size = elementCount(sampleShape);
  const steps = Math.ceil(order.length / batchSize);
  const indicesOf = (step: number) => order.subarray(step * batchSize, (step + 1) * batchSize);
  const make = (indices: Uint32Array, buffers: BatchBuffers): Batch => {
    const { inputs, labels, partners } = buffers;
    indices.forEach((index, row) => {
      write(index, inputs, row * size);
      labels[row] = samples.label(index);
      if (!partners || !mixtureOf) return;
      const { partner, share } = mixtureOf(index);
      partners.labels[row] = samples.label(partner);
      partners.share[row] = share;
    });
    return batchOf(buffers, indices, sampleShape, view);
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

/** The batch that lies in buffers: as many rows as there are indices. */
export function batchOf(buffers: BatchBuffers, indices: Uint32Array, sampleShape: readonly number[], view: number): Batch {
  const { inputs, labels, partners } = buffers;
  const size = indices.length;
  return {
    inputs: float32(inputs.subarray(0, size * elementCount(sampleShape)), [size, ...sampleShape]),
    labels: int32(labels.subarray(0, size), [size]),
    ...(partners && {
      partners: { labels: int32(partners.labels.subarray(0, size), [size]), share: float32(partners.share.subarray(0, size), [size]) },
    }),
    indices,
    view,
    size,
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
