import { LimbeckError } from "../errors.ts";
import { elementCount } from "../graph/tensor.ts";
import type { Samples } from "./samples.ts";

/** Per channel: a value v becomes (v - mean) / std. */
export interface Normalization {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/**
 * Mean and (population) standard deviation of each channel, over all samples or over `limit` of them, evenly spaced.
 * A constant channel gets standard deviation 1.
 */
export function channelStatistics(samples: Samples, limit = samples.length): Normalization {
  const count = Math.min(limit, samples.length);
  if (!(count >= 1)) throw new LimbeckError("The statistics of no samples are undefined.", { where: samples.name });
  const channels = samples.sampleShape[0] ?? 1;
  const image = new Float32Array(elementCount(samples.sampleShape));
  const plane = image.length / channels;
  const sums = new Float64Array(channels);
  const squares = new Float64Array(channels);
  for (let step = 0; step < count; step++) {
    samples.read(Math.floor((step * samples.length) / count), image);
    for (let channel = 0; channel < channels; channel++) {
      let [sum, square] = [0, 0];
      for (let pixel = channel * plane; pixel < (channel + 1) * plane; pixel++) {
        const value = image[pixel] as number;
        sum += value;
        square += value * value;
      }
      (sums[channel] as number) += sum;
      (squares[channel] as number) += square;
    }
  }
  const mean = Array.from(sums, (sum) => sum / (count * plane));
  const variance = Array.from(squares, (square, channel) => square / (count * plane) - (mean[channel] as number) ** 2);
  // Below 1e-10 the variance of values in 0..1 is rounding.
  return { mean, std: variance.map((value) => (value > 1e-10 ? Math.sqrt(value) : 1)) };
}

/** Writes `image`, normalised, at `offset` in `target`. */
export function normalizeInto({ mean, std }: Normalization, image: Float32Array, target: Float32Array, offset: number): void {
  const plane = image.length / mean.length;
  for (let channel = 0, pixel = 0; channel < mean.length; channel++) {
    const centre = mean[channel] as number;
    const factor = 1 / (std[channel] as number);
    for (let end = (channel + 1) * plane; pixel < end; pixel++) target[offset + pixel] = ((image[pixel] as number) - centre) * factor;
  }
}
