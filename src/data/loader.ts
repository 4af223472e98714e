import type { Augmentation } from "./augmentation.ts";
import { toTransform } from "./augmentation.ts";
import { type Batch, stepsPerEpoch, trainingBatches } from "./batches.ts";
import type { MixOptions } from "./mix.ts";
import type { Normalization } from "./normalize.ts";
import type { Samples } from "./samples.ts";

/** What training batches are made with: plain data, so that it can be sent to another thread. */
export interface LoaderOptions {
  readonly batchSize: number;
  readonly seed: number;
  /** None: values stay in 0..1. */
  readonly normalization?: Normalization;
  /** Applied in turn, before normalisation. */
  readonly augment?: readonly Augmentation[];
  /** How each sample is mixed with another. */
  readonly mix?: MixOptions;
  /** The share of a text's words that are masked, to be guessed; none unless given. */
  readonly maskWords?: number;
  /** After how many epochs the augmentations repeat; unless given, each epoch draws new ones. */
  readonly views?: number;
}

/** Makes the batches of a run. What they are follows from (seed, epoch, step) alone, whatever makes them. */
export interface BatchLoader {
  readonly batchSize: number;
  /** Batches in an epoch. */
  readonly steps: number;
  /**
   * The batches of an epoch, from a step on. A batch may be used until the next one is asked for.
   *
   * @throws LimbeckError for a start outside the epoch, and when a batch cannot be made.
   */
  epoch(epoch: number, startStep?: number): AsyncIterable<Batch>;
  /** Ends what makes the batches. */
  release(): Promise<void>;
}

/** @throws LimbeckError when the samples do not fill one batch, or an option does not fit them. */
export type OpenLoader = (samples: Samples, options: LoaderOptions) => BatchLoader;

/** Makes each batch when it is asked for, on the thread that asks. */
export const inlineLoader: OpenLoader = (samples, options) => {
  const transforms = (options.augment ?? []).map(toTransform);
  const batches = (epoch: number, startStep = 0) => trainingBatches(samples, { ...options, transforms, epoch, startStep });
  // Nothing is drawn: what doesn't fit is told here.
  batches(0);
  return {
    batchSize: options.batchSize,
    steps: stepsPerEpoch(samples, options.batchSize),
    async *epoch(epoch, startStep) {
      yield* batches(epoch, startStep);
    },
    release: async () => {},
  };
};
