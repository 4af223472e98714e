import { LimbeckError } from "../errors.ts";
import { formatShape } from "../graph/graph.ts";
import { elementCount, type Float32Tensor, float32, int32, type Tensor } from "../graph/tensor.ts";
import { permutation, type Random, randomFor } from "../random.ts";
import { type Normalization, normalizeInto } from "./normalize.ts";
import type { Samples } from "./samples.ts";
import { applyTransforms, type ImageShape, type Transform } from "./transforms.ts";

/**
 * Some samples as tensors. The buffers of `inputs` and `labels` serve every other batch of an iteration: a batch may be held while the
 * next one is made, and is overwritten by the one after that.
 */
export interface Batch {
  /** `[B, C, H, W]` */
  readonly inputs: Float32Tensor;
  /** `[B]`, int32 */
  readonly labels: Tensor;
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
}

export interface TrainingBatchOptions extends Omit<ViewBatchOptions, "view"> {
  readonly epoch: number;
  /** After how many epochs the augmentations repeat; unless given, each epoch draws new ones. */
  readonly views?: number;
  /** Batches of this epoch to leave out, uncomputed: where an interrupted epoch resumes. */
  readonly startStep?: number;
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

/** Which augmentation of each sample an epoch shows. */
export function viewOf({ epoch, views, transforms = [] }: Pick<TrainingBatchOptions, "epoch" | "views" | "transforms">): number {
  return transforms.length === 0 ? 0 : views === undefined ? epoch : epoch % views;
}

/**
 * One epoch of training: shuffled by (seed, epoch), each sample transformed by its own stream of (seed, view, index). A batch therefore
 * depends on nothing drawn before it, and resuming at `startStep` gives the very batches that an uninterrupted epoch would have given.
 *
 * @throws LimbeckError when the samples do not fill one batch, or an option does not fit them.
 */
export function trainingBatches(samples: Samples, options: TrainingBatchOptions): Iterable<Batch> {
  const { batchSize, seed, epoch, startStep = 0 } = options;
  const steps = stepsPerEpoch(samples, batchSize);
  if (!Number.isInteger(startStep) || startStep < 0 || startStep > steps) {
    throw new LimbeckError(`Step ${startStep} is outside an epoch of ${steps} steps.`, { where: samples.name });
  }
  const order = permutation(samples.length, randomFor(seed, epoch, SHUFFLE)).subarray(startStep * batchSize, steps * batchSize);
  return viewBatches(samples, order, { ...options, view: viewOf(options) });
}

/** The samples of an order in one augmentation: what training sees of them in the epochs of that view; the last batch may be smaller. */
export function viewBatches(samples: Samples, order: Uint32Array, options: ViewBatchOptions): Iterable<Batch> {
  const { seed, view, transforms = [] } = options;
  const randomOf = (index: number): Random => randomFor(seed, view, index, TRANSFORM);
  return inBatches(samples, order, options, reader(samples, transforms, randomOf), view);
}

/** Every sample, in order, untransformed; the last batch may be smaller. */
export function evaluationBatches(samples: Samples, options: EvaluationBatchOptions): Iterable<Batch> {
  checkBatchSize(options.batchSize);
  const order = Uint32Array.from({ length: samples.length }, (_, index) => index);
  const image = new Float32Array(elementCount(samples.sampleShape));
  return inBatches(samples, order, options, (index) => {
    samples.read(index, image);
    return image;
  });
}

/** The transformed image of a sample, valid until the next call. */
type Reader = (index: number) => Float32Array;

function reader(samples: Samples, transforms: readonly Transform[], randomOf: (index: number) => Random): Reader {
  const shape = samples.sampleShape;
  if (transforms.length > 0 && shape.length !== 3) {
    throw new LimbeckError(`Samples of shape ${formatShape(shape)} are not images.`, {
      where: samples.name,
      hint: "Leave out the transforms.",
    });
  }
  const first = new Float32Array(elementCount(shape));
  const second = new Float32Array(first.length);
  return (index) => {
    samples.read(index, first);
    return applyTransforms(transforms, first, second, shape as ImageShape, randomOf(index));
  };
}

function inBatches(samples: Samples, order: Uint32Array, options: EvaluationBatchOptions, read: Reader, view = 0): Iterable<Batch> {
  const { batchSize, normalization } = options;
  const channels = samples.sampleShape[0] ?? 1;
  if (normalization && (normalization.mean.length !== channels || normalization.std.length !== channels)) {
    const { mean, std } = normalization;
    throw new LimbeckError(`${mean.length} means and ${std.length} deviations do not fit ${channels} channels.`, {
      where: samples.name,
      hint: "Give one of each for every channel.",
    });
  }
  const size = elementCount(samples.sampleShape);
  return {
    *[Symbol.iterator]() {
      const buffers = [0, 1].map(() => ({ inputs: new Float32Array(batchSize * size), labels: new Int32Array(batchSize) }));
      for (let start = 0, step = 0; start < order.length; start += batchSize, step++) {
        const { inputs, labels } = buffers[step % 2] as (typeof buffers)[number];
        const indices = order.subarray(start, start + batchSize);
        indices.forEach((index, row) => {
          const image = read(index);
          if (normalization) normalizeInto(normalization, image, inputs, row * size);
          else inputs.set(image, row * size);
          labels[row] = samples.label(index);
        });
        const count = indices.length;
        yield {
          inputs: float32(inputs.subarray(0, count * size), [count, ...samples.sampleShape]),
          labels: int32(labels.subarray(0, count), [count]),
          indices,
          view,
          size: count,
        };
      }
    },
  };
}

function checkBatchSize(batchSize: number): void {
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new LimbeckError(`A batch cannot have ${batchSize} samples.`, { hint: "Give a whole number of 1 or more as the batch size." });
  }
}
