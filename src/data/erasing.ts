import { LimbeckError } from "../errors.ts";
import type { Random } from "../random.ts";
import type { Box, ImageShape } from "./placement.ts";
import type { Transform } from "./transforms.ts";

/** What a part of an image is filled with: a value 0..1 before normalisation, or for each value one drawn from all of 0..1. */
export type Filling = number | "noise";

/** What is left out is as published. */
export interface ErasingOptions {
  readonly probability?: number;
  /** Share of the image's area: uniform in [least, most]. */
  readonly area?: readonly [least: number, most: number];
  /** Height over width: uniform by its logarithm in [least, most]. */
  readonly aspect?: readonly [least: number, most: number];
  readonly value?: Filling;
}

const TRIES = 10;

/**
 * Fills a random rectangle (Zhong et al., 2017, arXiv:1708.04896; drawn as in torchvision's `RandomErasing`, which tries ten rectangles and
 * leaves the image where none fits).
 *
 * @throws LimbeckError for ranges that are none.
 */
export function erasing({ probability = 0.5, area = [0.02, 0.33], aspect = [0.3, 3.3], value = 0 }: ErasingOptions = {}): Transform {
  for (const [name, [least, most]] of Object.entries({ area, aspect })) {
    if (least > 0 && least <= most) continue;
    throw new LimbeckError(`Erasing cannot have the ${name} [${least}, ${most}].`, { hint: "Give [least, most], both above 0." });
  }
  return (input, output, shape, random) => {
    output.set(input);
    if (random.uniform() >= probability) return;
    const [, height, width] = shape;
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const pixels = height * width * (area[0] + (area[1] - area[0]) * random.uniform());
      const ratio = aspect[0] * (aspect[1] / aspect[0]) ** random.uniform();
      const [down, across] = [Math.round(Math.sqrt(pixels * ratio)), Math.round(Math.sqrt(pixels / ratio))];
      if (down >= height || across >= width) continue;
      const top = random.integer(0, height - down);
      const left = random.integer(0, width - across);
      return fill(output, shape, { top, left, bottom: top + down, right: left + across }, value, random);
    }
  };
}

/**
 * Fills a square whose centre is anywhere in the image, so that part of it may lie outside (DeVries and Taylor, 2017, arXiv:1708.04552).
 *
 * @param size Of its sides, in pixels.
 */
export function cutout(size: number, value: Filling = 0): Transform {
  return (input, output, shape, random) => {
    output.set(input);
    const [, height, width] = shape;
    const top = random.integer(0, height - 1) - (size >> 1);
    const left = random.integer(0, width - 1) - (size >> 1);
    fill(output, shape, { top, left, bottom: top + size, right: left + size }, value, random);
  };
}

/** Fills what of a box lies in the image. */
function fill(image: Float32Array, [channels, height, width]: ImageShape, box: Box, value: Filling, random: Random): void {
  const [left, right] = [Math.max(0, box.left), Math.min(width, box.right)];
  for (let channel = 0; channel < channels; channel++) {
    for (let y = Math.max(0, box.top); y < Math.min(height, box.bottom); y++) {
      const row = (channel * height + y) * width;
      for (let x = left; x < right; x++) image[row + x] = value === "noise" ? random.uniform() : value;
    }
  }
}
