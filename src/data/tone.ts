import { type Adjustment, limited } from "./colour.ts";

// Changes of each value by itself or by its channel's others, by the formulae of torchvision's `functional`, which take bytes: where these
// matter, a value v counts as the byte nearest to 255·v.

/** 1 − v. */
export const invert: Adjustment = (input, output) => {
  for (let place = 0; place < output.length; place++) output[place] = 1 - (input[place] as number);
};

/** Keeps so many of each byte's highest bits, 0..8. */
export const posterize: Adjustment = (input, output, _, bits) => {
  const mask = 256 - 2 ** (8 - bits);
  for (let place = 0; place < output.length; place++) output[place] = (byteOf(input[place] as number) & mask) / 255;
};

/** Inverts what is at or above a threshold. */
export const solarize: Adjustment = (input, output, _, threshold) => {
  // As exact as the values are: a byte of 170 is at a threshold of 2/3.
  const least = Math.fround(threshold);
  for (let place = 0; place < output.length; place++) {
    const value = input[place] as number;
    output[place] = value >= least ? 1 - value : value;
  }
};

/** Stretches each channel so that it goes from 0 to 1; a channel of one value stays. */
export const autocontrast: Adjustment = (input, output, [channels, height, width]) => {
  const area = height * width;
  for (let start = 0; start < channels * area; start += area) {
    let [lowest, highest] = [Infinity, -Infinity];
    for (let place = start; place < start + area; place++) {
      const value = input[place] as number;
      if (value < lowest) lowest = value;
      if (value > highest) highest = value;
    }
    const [least, factor] = highest > lowest ? [lowest, 1 / (highest - lowest)] : [0, 1];
    for (let place = start; place < start + area; place++) output[place] = limited(((input[place] as number) - least) * factor);
  }
};

/** Makes each channel's values about equally frequent (histogram equalisation, as Pillow and torchvision do it). */
export const equalize: Adjustment = (input, output, [channels, height, width]) => {
  const area = height * width;
  const counts = new Uint32Array(256);
  const table = new Float32Array(256);
  for (let start = 0; start < channels * area; start += area) {
    counts.fill(0);
    for (let place = start; place < start + area; place++) (counts[byteOf(input[place] as number)] as number)++;
    const last = counts.findLastIndex((count) => count > 0);
    const step = Math.floor((area - (counts[last] as number)) / 255);
    let below = step >> 1;
    for (let byte = 0; byte < 256; byte++) {
      table[byte] = step === 0 ? byte / 255 : Math.min(255, Math.floor(below / step)) / 255;
      below += counts[byte] as number;
    }
    for (let place = start; place < start + area; place++) output[place] = table[byteOf(input[place] as number)] as number;
  }
};

function byteOf(value: number): number {
  return Math.round(255 * value);
}
