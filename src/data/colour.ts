import type { Random } from "../random.ts";
import type { ImageShape } from "./placement.ts";
import { scratch, type Transform } from "./transforms.ts";

// Changes of colour, by the formulae of torchvision's `functional`. Images have values 0..1 and 1 or 3 channels: grey, or red, green and
// blue. What changes only colours leaves a grey image as it is, as torchvision does.

/** Changes an image by an amount; writes the whole of `output`, which is another buffer. */
export type Adjustment = (input: Float32Array, output: Float32Array, shape: ImageShape, amount: number) => void;

/** factor·v: 0 is black, 1 the image. */
export const brightness: Adjustment = (input, output, _, factor) => {
  for (let place = 0; place < output.length; place++) output[place] = limited(factor * (input[place] as number));
};

/** factor·v + (1 − factor)·mean grey: 0 is grey all over, 1 the image. */
export const contrast: Adjustment = (input, output, [channels, height, width], factor) => {
  const area = height * width;
  let sum = 0;
  for (let pixel = 0; pixel < area; pixel++) sum += greyOf(input, pixel, area, channels);
  const rest = ((1 - factor) * sum) / area;
  for (let place = 0; place < output.length; place++) output[place] = limited(factor * (input[place] as number) + rest);
};

/** factor·v + (1 − factor)·grey: 0 is without colours, 1 the image. */
export const saturation: Adjustment = (input, output, [channels, height, width], factor) => {
  const area = height * width;
  for (let pixel = 0; pixel < area; pixel++) {
    const rest = (1 - factor) * greyOf(input, pixel, area, channels);
    for (let place = pixel; place < output.length; place += area) {
      output[place] = channels === 1 ? (input[place] as number) : limited(factor * (input[place] as number) + rest);
    }
  }
};

/** Turns the hues by a part of the whole circle, in −0.5..0.5. */
export const hue: Adjustment = (input, output, [channels, height, width], turn) => {
  const area = height * width;
  output.set(input);
  if (channels === 1 || turn === 0) return;
  for (let pixel = 0; pixel < area; pixel++) {
    const [red, green, blue] = [input[pixel], input[pixel + area], input[pixel + 2 * area]] as [number, number, number];
    const value = Math.max(red, green, blue);
    const range = value - Math.min(red, green, blue);
    if (range === 0) continue;
    // The sixth of the circle that the hue lies in, from red over yellow, green, cyan, blue and magenta.
    const sixths = value === red ? (green - blue) / range : value === green ? 2 + (blue - red) / range : 4 + (red - green) / range;
    const turned = (((sixths + 6 * turn) % 6) + 6) % 6;
    for (let channel = 0; channel < 3; channel++) {
      // How far along from where this channel is lowest: 5, 3 and 1 sixths.
      const along = (turned + 5 - 2 * channel) % 6;
      output[pixel + channel * area] = limited(value - range * Math.max(0, Math.min(along, 4 - along, 1)));
    }
  }
};

function greyOf(image: Float32Array, pixel: number, area: number, channels: number): number {
  const first = image[pixel] as number;
  if (channels === 1) return first;
  return 0.2989 * first + 0.587 * (image[pixel + area] as number) + 0.114 * (image[pixel + 2 * area] as number);
}

export function limited(value: number): number {
  return value < 0 ? 0 : value > 1 ? 1 : value;
}

/** Loses its colours, with a probability. */
export function grayscale(probability: number): Transform {
  const transform: Transform = (input, output, shape, random) => {
    if (random.uniform() < probability) saturation(input, output, shape, 0);
    else output.set(input);
  };
  return Object.assign(transform, { isOfColour: true });
}

/** What is left out does not vary. */
export interface ColorJitterOptions {
  /** Factors are uniform in [1 − amount, 1 + amount], and at least 0. */
  readonly brightness?: number;
  readonly contrast?: number;
  readonly saturation?: number;
  /** Turns of the hues are uniform in ±hue, at most half of the circle. */
  readonly hue?: number;
}

/** Changes brightness, contrast, saturation and hue, in an order that is drawn too (torchvision's `ColorJitter`). */
export function colorJitter(options: ColorJitterOptions): Transform {
  const factor = (amount: number) => (random: Random) => between(Math.max(0, 1 - amount), 1 + amount, random);
  const { brightness: ofBrightness = 0, contrast: ofContrast = 0, saturation: ofSaturation = 0, hue: ofHue = 0 } = options;
  const steps = [
    { adjust: brightness, most: ofBrightness, draw: factor(ofBrightness) },
    { adjust: contrast, most: ofContrast, draw: factor(ofContrast) },
    { adjust: saturation, most: ofSaturation, draw: factor(ofSaturation) },
    { adjust: hue, most: ofHue, draw: (random: Random) => between(-ofHue, ofHue, random) },
  ].filter(({ most }) => most > 0);
  const other = scratch();
  const transform: Transform = (input, output, shape, random) => {
    const left = [...steps];
    let current = other(input.length);
    let next = output;
    current.set(input);
    while (left.length > 0) {
      const [step] = left.splice(random.integer(0, left.length - 1), 1) as [(typeof steps)[number]];
      step.adjust(current, next, shape, step.draw(random));
      [current, next] = [next, current];
    }
    if (current !== output) output.set(current);
  };
  return Object.assign(transform, { isOfColour: true });
}

function between(from: number, to: number, random: Random): number {
  return from + (to - from) * random.uniform();
}
