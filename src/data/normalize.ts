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
  const sums = channelSums(samples);
  for (const index of evenlySpaced(samples, limit)) sums.add(samples, index);
  return sums.statistics();
}

/** Enough to know means and deviations to three digits. */
const FETCHED = 4096;
const FETCHED_AT_ONCE = 128;

/** Of samples without values: texts. */
const NO_CHANNELS: Normalization = { mean: [], std: [] };

/** `channelStatistics` of all samples or, where they must be brought into memory for it, of some thousands; texts have no channels. */
export async function statisticsOf(samples: Samples): Promise<Normalization> {
  if (samples.texts) return NO_CHANNELS;
  if (!samples.fetch) return channelStatistics(samples);
  const sums = channelSums(samples);
  const chosen = evenlySpaced(samples, FETCHED);
  for (let start = 0; start < chosen.length; start += FETCHED_AT_ONCE) {
    const brought = await samples.fetch(chosen.subarray(start, start + FETCHED_AT_ONCE));
    for (let index = 0; index < brought.length; index++) sums.add(brought, index);
  }
  return sums.statistics();
}

function evenlySpaced({ name, length }: Samples, limit: number): Uint32Array {
  const count = Math.min(limit, length);
  if (!(count >= 1)) throw new LimbeckError("The statistics of no samples are undefined.", { where: name });
  return Uint32Array.from({ length: count }, (_, step) => Math.floor((step * length) / count));
}

/** Adds up values and their squares by channel. */
function channelSums({ sampleShape }: Samples) {
  const channels = sampleShape[0] ?? 1;
  const image = new Float32Array(elementCount(sampleShape));
  const plane = image.length / channels;
  const sums = new Float64Array(channels);
  const squares = new Float64Array(channels);
  let count = 0;
  return {
    add: (samples: Samples, index: number): void => {
      count++;
      samples.read(index, image);
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
    },
    statistics: (): Normalization => {
      const mean = Array.from(sums, (sum) => sum / (count * plane));
      const variance = Array.from(squares, (square, channel) => square / (count * plane) - (mean[channel] as number) ** 2);
      // Below 1e-10 the variance of values in 0..1 is rounding.
      return { mean, std: variance.map((value) => (value > 1e-10 ? Math.sqrt(value) : 1)) };
    },
  };
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
