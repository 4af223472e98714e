import type { Random } from "../random.ts";

/** `[C, H, W]` */
export type ImageShape = readonly [channels: number, height: number, width: number];

/**
 * A random change to an image of values 0..1, before normalisation: reads `input`, writes the whole of `output` (same shape, another
 * buffer). Everything random comes from `random`, so the same stream gives the same image. Whatever comes in from outside is 0.
 */
export type Transform = (input: Float32Array, output: Float32Array, shape: ImageShape, random: Random) => void;

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
  return (input, output, [channels, height, width], random) => {
    const down = random.integer(-pixels, pixels);
    const right = random.integer(-pixels, pixels);
    const from = Math.max(0, right);
    const to = Math.min(width, width + right);
    output.fill(0);
    for (let y = Math.max(0, down); y < Math.min(height, height + down); y++) {
      for (let channel = 0; channel < channels; channel++) {
        const target = (channel * height + y) * width;
        const source = target - down * width - right;
        for (let x = from; x < to; x++) output[target + x] = input[source + x] as number;
      }
    }
  };
}

/** Pads with `padding` zeros on every side and cuts a random window of the original size: another name for the same `shift`. */
export const crop: (padding: number) => Transform = shift;

/** Mirrors left and right, one time in two. */
export function flip(): Transform {
  return (input, output, [, , width], random) => {
    output.set(input);
    if (random.uniform() < 0.5) return;
    for (let row = 0; row < output.length; row += width) output.subarray(row, row + width).reverse();
  };
}
