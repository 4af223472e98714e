import { LimbeckError } from "../errors.ts";
import { type Adjustment, limited } from "./colour.ts";
import { reflected } from "./crop.ts";
import { scratch, type Transform } from "./transforms.ts";

/**
 * factor·v + (1 − factor)·smooth, by torchvision's formula: 1 is the image, more is sharper. Smooth is the mean over 3×3 pixels in which the
 * middle one counts five times; the outermost pixels stay.
 */
export const sharpness: Adjustment = (input, output, [channels, height, width], factor) => {
  output.set(input);
  for (let channel = 0; channel < channels; channel++) {
    for (let y = 1; y < height - 1; y++) {
      const row = (channel * height + y) * width;
      for (let place = row + 1; place < row + width - 1; place++) {
        const middle = input[place] as number;
        let sum = 4 * middle;
        for (let above = place - width; above <= place + width; above += width) {
          sum += (input[above - 1] as number) + (input[above] as number) + (input[above + 1] as number);
        }
        output[place] = limited(factor * middle + ((1 - factor) * sum) / 13);
      }
    }
  }
};

export interface GaussianBlurOptions {
  /** Standard deviation in pixels: uniform in [least, most]; [0.1, 2] unless given. */
  readonly sigma?: readonly [least: number, most: number];
  /** Pixels across the Gaussian, an odd number; unless given, what reaches three standard deviations to each side. */
  readonly size?: number;
}

/**
 * Blurs by a Gaussian, the image mirrored at its outermost pixels (torchvision's `GaussianBlur`).
 *
 * @throws LimbeckError for an even size, or a range of sigma that is none.
 */
export function gaussianBlur({ sigma: [least, most] = [0.1, 2], size }: GaussianBlurOptions = {}): Transform {
  if (!(least > 0 && least <= most)) {
    throw new LimbeckError(`A blur cannot have the sigma [${least}, ${most}].`, { hint: "Give [least, most], both above 0." });
  }
  if (size !== undefined && size % 2 !== 1)
    throw new LimbeckError(`A blur ${size} pixels across has no middle.`, { hint: "Give an odd size." });
  const along = scratch();
  return (input, output, [channels, height, width], random) => {
    const sigma = least + (most - least) * random.uniform();
    const reach = size === undefined ? Math.ceil(3 * sigma) : (size - 1) / 2;
    const weights = gaussianWeights(sigma, reach);
    const half = along(input.length);
    blurAlong(input, half, { lines: channels * height, length: width, step: 1, between: width }, weights);
    for (let start = 0; start < input.length; start += height * width) {
      const [from, to] = [half.subarray(start, start + height * width), output.subarray(start, start + height * width)];
      blurAlong(from, to, { lines: width, length: height, step: width, between: 1 }, weights);
    }
  };
}

/** `[2·reach + 1]`, of sum 1. */
function gaussianWeights(sigma: number, reach: number): Float64Array {
  const weights = Float64Array.from({ length: 2 * reach + 1 }, (_, place) => Math.exp(-0.5 * ((place - reach) / sigma) ** 2));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** Lines of an image: how many, of what length, from value to value in a line, from line to line. */
interface Lines {
  readonly lines: number;
  readonly length: number;
  readonly step: number;
  readonly between: number;
}

function blurAlong(input: Float32Array, output: Float32Array, { lines, length, step, between }: Lines, weights: Float64Array): void {
  const reach = (weights.length - 1) / 2;
  for (let place = 0; place < length; place++) {
    const sources = Array.from(weights, (_, tap) => step * reflected(place + tap - reach, length));
    for (let line = 0; line < lines; line++) {
      const start = line * between;
      let sum = 0;
      for (let tap = 0; tap < weights.length; tap++) {
        sum += (weights[tap] as number) * (input[start + (sources[tap] as number)] as number);
      }
      output[start + step * place] = limited(sum);
    }
  }
}

/** Adds normal noise to each value, and keeps it in 0..1. @param std Its standard deviation. */
export function gaussianNoise(std: number): Transform {
  return (input, output, _, random) => {
    for (let place = 0; place < output.length; place++) output[place] = limited((input[place] as number) + std * random.normal());
  };
}
