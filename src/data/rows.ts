import { LimbeckError } from "../errors.ts";
import { formatShape } from "../graph/graph.ts";
import { elementCount } from "../graph/tensor.ts";
import type { Random } from "../random.ts";
import { type Normalization, normalizeInto } from "./normalize.ts";
import { drawPlaced, type ImageShape, inPlace } from "./placement.ts";
import type { Samples } from "./samples.ts";
import { applyTransforms, type Place, type Transform } from "./transforms.ts";

export interface RowOptions {
  /** None: values stay in 0..1. */
  readonly normalization?: Normalization;
  /** Applied in turn, before normalisation. */
  readonly transforms?: readonly Transform[];
}

/** Writes sample `index`, transformed with what `random` draws and then normalised, at `offset` in `target`. */
export type RowWriter = (index: number, target: Float32Array, offset: number) => void;

/**
 * What turns samples into rows of a batch.
 *
 * @param randomOf The random numbers for a sample's transforms.
 * @throws LimbeckError when the transforms or the normalisation do not fit the samples.
 */
export function rowWriter(
  samples: Samples,
  { normalization, transforms = [] }: RowOptions,
  randomOf: (index: number) => Random,
): RowWriter {
  checkOptions(samples, normalization, transforms);
  const shape = imageShape(samples.sampleShape);
  const places = transforms.flatMap(({ place }) => place ?? []);
  return samples.bytes && places.length === transforms.length
    ? byteWriter(samples.bytes, shape, normalization, places, randomOf)
    : valueWriter(samples, shape, normalization, transforms, randomOf);
}

/** Where pixels only move, each goes from its byte to its place in the batch in one step. */
function byteWriter(
  bytes: (index: number) => Uint8Array,
  shape: ImageShape,
  normalization: Normalization | undefined,
  places: readonly Place[],
  randomOf: (index: number) => Random,
): RowWriter {
  const tables = byteTables(shape[0], normalization);
  const still = inPlace(shape);
  return (index, target, offset) => {
    let placement = still;
    if (places.length > 0) {
      const random = randomOf(index);
      for (const place of places) placement = place(placement, shape, random);
    }
    drawPlaced(bytes(index), tables, shape, placement, target, offset);
  };
}

function valueWriter(
  samples: Samples,
  shape: ImageShape,
  normalization: Normalization | undefined,
  transforms: readonly Transform[],
  randomOf: (index: number) => Random,
): RowWriter {
  const first = new Float32Array(elementCount(shape));
  const second = new Float32Array(first.length);
  return (index, target, offset) => {
    samples.read(index, first);
    const image = applyTransforms(transforms, first, second, shape, randomOf(index));
    if (normalization) normalizeInto(normalization, image, target, offset);
    else target.set(image, offset);
  };
}

/** `[C, 256]`: what each byte becomes in each channel. */
function byteTables(channels: number, normalization: Normalization | undefined): Float32Array {
  const units = Float32Array.from({ length: channels * 256 }, (_, entry) => (entry % 256) / 255);
  if (!normalization) return units;
  const tables = new Float32Array(units.length);
  normalizeInto(normalization, units, tables, 0);
  return tables;
}

/** What is no image is a row of pixels in each channel. */
function imageShape(sampleShape: readonly number[]): ImageShape {
  const [channels = 1, ...rest] = sampleShape;
  return rest.length === 2 ? (sampleShape as ImageShape) : [channels, 1, elementCount(rest)];
}

function checkOptions(samples: Samples, normalization: Normalization | undefined, transforms: readonly Transform[]): void {
  const { name, sampleShape } = samples;
  if (transforms.length > 0 && sampleShape.length !== 3) {
    throw new LimbeckError(`Samples of shape ${formatShape(sampleShape)} are not images.`, {
      where: name,
      hint: "Leave out the transforms.",
    });
  }
  const channels = sampleShape[0] ?? 1;
  if (channels !== 1 && channels !== 3 && transforms.some(({ isOfColour }) => isOfColour)) {
    throw new LimbeckError(`Images of ${channels} channels have no colours to change.`, {
      where: name,
      hint: "Leave out colorJitter, grayscale, randAugment and trivialAugment.",
    });
  }
  if (normalization && (normalization.mean.length !== channels || normalization.std.length !== channels)) {
    const { mean, std } = normalization;
    throw new LimbeckError(`${mean.length} means and ${std.length} deviations do not fit ${channels} channels.`, {
      where: name,
      hint: "Give one of each for every channel.",
    });
  }
}
