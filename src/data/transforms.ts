import type { Random } from "../random.ts";
import { copyPlaced, type ImageShape, inPlace, mirrored, moved, type Placement, upsideDown } from "./placement.ts";

/**
 * A random change to an image of values 0..1, before normalisation: reads `input`, writes the whole of `output` (same shape, another
 * buffer). Everything random comes from `random`, so the same stream gives the same image. Whatever comes in from outside is 0.
 */
export interface Transform {
  (input: Float32Array, output: Float32Array, shape: ImageShape, random: Random): void;
  /** Of a transform that only moves whole pixels: draws the same change, and says where it leaves them, without touching any. */
  readonly place?: Place;
  /** Of a transform that knows what is grey: it takes images of 1 or 3 channels only. */
  readonly isOfColour?: boolean;
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

/** Mirrors left and right, one time in two. */
export function flip(): Transform {
  return placing((placement, shape, random) => (random.uniform() < 0.5 ? placement : mirrored(placement, shape)));
}

/** Mirrors top and bottom, one time in two. */
export function flipVertical(): Transform {
  return placing((placement, shape, random) => (random.uniform() < 0.5 ? placement : upsideDown(placement, shape)));
}

/** Applies all of the transforms in turn, or none of them. @param probability Of all. */
export function sometimes(probability: number, transforms: readonly Transform[]): Transform {
  const places = transforms.flatMap(({ place }) => place ?? []);
  if (places.length === transforms.length) {
    return placing((placement, shape, random) =>
      random.uniform() < probability ? places.reduce((placed, place) => place(placed, shape, random), placement) : placement,
    );
  }
  const other = scratch();
  const transform: Transform = (input, output, shape, random) => {
    output.set(input);
    if (random.uniform() >= probability) return;
    const result = applyTransforms(transforms, output, other(input.length), shape, random);
    if (result !== output) output.set(result);
  };
  return Object.assign(transform, { isOfColour: transforms.some(({ isOfColour }) => isOfColour) });
}

/** A buffer that is kept from image to image: transforms run for every sample of every epoch. */
export function scratch(): (length: number) => Float32Array {
  let buffer = new Float32Array(0);
  return (length) => {
    if (buffer.length !== length) buffer = new Float32Array(length);
    return buffer;
  };
}

/** The transform of what moves whole pixels only. */
export function placing(place: Place): Transform {
  const transform: Transform = (input, output, shape, random) => {
    copyPlaced(input, shape, place(inPlace(shape), shape, random), output);
  };
  return Object.assign(transform, { place });
}
