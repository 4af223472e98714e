import { LimbeckError } from "../errors.ts";
import type { Random } from "../random.ts";
import { shift, type Transform } from "./transforms.ts";
import { warp } from "./warp.ts";

/** What lies around an image: zeros, or the image mirrored at its outermost pixels. */
export type Padding = "zero" | "reflect";

/** Pads on every side and cuts a random window of the original size. With zeros it is another name for `shift`. */
export function crop(padding: number, mode: Padding = "zero"): Transform {
  if (mode === "zero") return shift(padding);
  return (input, output, [channels, height, width], random) => {
    const down = random.integer(-padding, padding);
    const right = random.integer(-padding, padding);
    for (let channel = 0, target = 0; channel < channels; channel++) {
      for (let y = 0; y < height; y++) {
        const row = (channel * height + reflected(y - down, height)) * width;
        for (let x = 0; x < width; x++) output[target++] = input[row + reflected(x - right, width)] as number;
      }
    }
  };
}

/** The place in 0..length-1 that a place beyond it shows where an axis is mirrored at its first and last one, these not repeated. */
export function reflected(place: number, length: number): number {
  if (place >= 0 && place < length) return place;
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const within = ((place % period) + period) % period;
  return within < length ? within : period - within;
}

/** What is left out is as published. */
export interface ResizedCropOptions {
  /** Share of the area that is kept: uniform in [least, most]. */
  readonly scale?: readonly [least: number, most: number];
  /** Width over height of what is kept: uniform by its logarithm in [least, most]. */
  readonly ratio?: readonly [least: number, most: number];
}

/**
 * Cuts a random window and resizes it bilinearly to the size of the image (Szegedy et al., 2014, arXiv:1409.4842; drawn as in torchvision's
 * `RandomResizedCrop`): ten windows are tried, and where none fits the largest one in the middle with an allowed ratio is taken.
 *
 * @throws LimbeckError for ranges that are none.
 */
export function resizedCrop({ scale = [0.08, 1], ratio = [3 / 4, 4 / 3] }: ResizedCropOptions = {}): Transform {
  for (const [name, [least, most], highest] of [["scale", scale, 1] as const, ["ratio", ratio, Infinity] as const]) {
    if (least > 0 && least <= most && most <= highest) continue;
    throw new LimbeckError(`A resized crop cannot have the ${name} [${least}, ${most}].`, {
      hint: `Give [least, most], both above 0${highest === 1 ? " and at most 1" : ""}.`,
    });
  }
  return warp((rows, columns, height, width, random) => {
    const window = drawWindow(height, width, scale, ratio, random);
    for (let y = 0, pixel = 0; y < height; y++) {
      const row = window.top + inside(y, height, window.height);
      for (let x = 0; x < width; x++, pixel++) {
        rows[pixel] = row;
        columns[pixel] = window.left + inside(x, width, window.width);
      }
    }
  });
}

/** Where pixel `place` of `length` shows an axis of `window` pixels, by their centres; within the first and the last of these. */
function inside(place: number, length: number, window: number): number {
  return Math.min(window - 1, Math.max(0, ((place + 0.5) * window) / length - 0.5));
}

const TRIES = 10;

function drawWindow(
  height: number,
  width: number,
  [smallest, largest]: readonly [number, number],
  [narrowest, widest]: readonly [number, number],
  random: Random,
) {
  const [from, to] = [Math.log(narrowest), Math.log(widest)];
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const area = height * width * (smallest + (largest - smallest) * random.uniform());
    const ratio = Math.exp(from + (to - from) * random.uniform());
    const [across, down] = [Math.round(Math.sqrt(area * ratio)), Math.round(Math.sqrt(area / ratio))];
    if (across < 1 || across > width || down < 1 || down > height) continue;
    return { top: random.integer(0, height - down), left: random.integer(0, width - across), height: down, width: across };
  }
  const across = Math.max(1, Math.min(width, Math.round(height * widest)));
  const down = Math.max(1, Math.min(height, Math.round(width / narrowest)));
  return { top: (height - down) >> 1, left: (width - across) >> 1, height: down, width: across };
}
