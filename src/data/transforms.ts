import type { Random } from "../random.ts";
import { copyPlaced, type ImageShape, inPlace, mirrored, moved, type Placement } from "./placement.ts";

/**
 * A random change to an image of values 0..1, before normalisation: reads `input`, writes the whole of `output` (same shape, another
 * buffer). Everything random comes from `random`, so the same stream gives the same image. Whatever comes in from outside is 0.
 */
export interface Transform {
  (input: Float32Array, output: Float32Array, shape: ImageShape, random: Random): void;
  /** Of a transform that only moves whole pixels: draws the same change, and says where it leaves them, without touching any. */
  readonly place?: Place;
}

/** Moves a placement on by a random change. */
export type Place = (placement: Placement, shape: ImageShape, random: Random) => Placement;

/**
 * Applies each transform in turn to the image in `first`, using `second` as the other buffer.
 *
 * @returns The one of the two buffers that holds the result.
 */
export function applyTransforms(
  transforms: readonly Transform[],
  first: Float32Array,
  second: Float32Array,
  shape: ImageShape,
  random: Random,
): Float32Array {
  let [input, output] = [first, second];
  for (const transform of transforms) {
    transform(input, output, shape, random);
    [input, output] = [output, input];
  }
  return input;
}

/** Moves the image by a whole number of pixels, uniform in -pixels..pixels, along each axis. */
export function shift(pixels: number): Transform {
  return placing((placement, shape, random) => {
    const down = random.integer(-pixels, pixels);
    const right = random.integer(-pixels, pixels);
    return moved(placement, shape, down, right);
  });
}

/** Pads with `padding` zeros on every side and cuts a random window of the original size: another name for the same `shift`. */
export const crop: (padding: number) => Transform = shift;

/** Mirrors left and right, one time in two. */
export function flip(): Transform {
  return placing((placement, shape, random) => (random.uniform() < 0.5 ? placement : mirrored(placement, shape)));
}

function placing(place: Place): Transform {
  const transform: Transform = (input, output, shape, random) => {
    copyPlaced(input, shape, place(inPlace(shape), shape, random), output);
  };
  return Object.assign(transform, { place });
}
