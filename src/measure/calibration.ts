import { type Classified, confidenceOf, partition, predict } from "./classification.ts";

/** The samples of which a model is about equally sure. */
export interface ReliabilityBin {
  readonly samples: number;
  /** Fraction of them that are right; 0 where there are none. */
  readonly accuracy: number;
  /** Mean of the highest softmax probability; 0 where there are none. */
  readonly confidence: number;
}

/** The number of bins that Guo et al. take. */
export const BINS = 15;

/**
 * What a reliability diagram shows (Guo et al., 2017, "On calibration of modern neural networks", arXiv:1706.04599, section 2): samples are
 * sorted into bins ((m − 1)/M, m/M] by their confidence, the highest softmax probability. A calibrated model is right as often as it is sure.
 */
export function reliabilityBins(classified: Classified, bins = BINS): readonly ReliabilityBin[] {
  const { predictions, labels, classes } = predict(classified);
  const samples = new Uint32Array(bins);
  const right = new Uint32Array(bins);
  const confidences = new Float64Array(bins);
  predictions.forEach((prediction, sample) => {
    const confidence = confidenceOf(classified.logits, sample, classes, prediction);
    const bin = Math.min(bins, Math.ceil(confidence * bins)) - 1;
    (samples[bin] as number)++;
    (right[bin] as number) += Number(prediction === labels[sample]);
    (confidences[bin] as number) += confidence;
  });
  return Array.from(samples, (count, bin) => ({
    samples: count,
    accuracy: (right[bin] as number) / Math.max(1, count),
    confidence: (confidences[bin] as number) / Math.max(1, count),
  }));
}

/**
 * Expected calibration error (Guo et al., equation 3) of all samples of the bins: 0 is perfectly calibrated.
 *
 *     ECE = Σ_m |B_m|/N · |accuracy(B_m) − mean confidence(B_m)|
 */
export function expectedCalibrationError(bins: readonly ReliabilityBin[]): number {
  const total = bins.reduce((sum, { samples }) => sum + samples, 0);
  return bins.reduce((sum, { samples, accuracy, confidence }) => sum + (samples / total) * Math.abs(accuracy - confidence), 0);
}

/** Mean over samples of −ln p(label), in nats. */
export function negativeLogLikelihood(classified: Classified): number {
  const { predictions, labels, classes } = predict(classified);
  const { logits } = classified;
  let total = 0;
  predictions.forEach((prediction, sample) => {
    const start = sample * classes;
    const behind = (logits[start + prediction] as number) - (logits[start + (labels[sample] as number)] as number);
    total += behind + Math.log(partition(logits, start, classes, prediction));
  });
  return total / predictions.length;
}

/** Mean over samples of Σ_k (p_k − [k is the label])² (Brier, 1950, "Verification of forecasts expressed in terms of probability"): 0 to 2. */
export function brierScore(classified: Classified): number {
  const { predictions, labels, classes } = predict(classified);
  const { logits } = classified;
  let total = 0;
  predictions.forEach((prediction, sample) => {
    const start = sample * classes;
    const [highest, sum] = [logits[start + prediction] as number, partition(logits, start, classes, prediction)];
    for (let index = 0; index < classes; index++) {
      const probability = Math.exp((logits[start + index] as number) - highest) / sum;
      total += (probability - Number(index === labels[sample])) ** 2;
    }
  });
  return total / predictions.length;
}

/** What one temperature for all logits does to the calibration error. */
export interface TemperatureScaling {
  /** Fitted on every other sample. */
  readonly temperature: number;
  /** Of the samples between those, as they are and divided by the temperature. */
  readonly before: number;
  readonly after: number;
}

/** At most so many samples are fitted to; more would move the temperature by little. */
const MOST_FITTED = 5000;

/**
 * Temperature scaling (Guo et al., section 4.2): a temperature fitted to every other sample, or to fewer of many, is tried on those between, so
 * that what it is fitted to doesn't judge it. Undefined for a single sample.
 */
export function temperatureScaling(classified: Classified): TemperatureScaling | undefined {
  const count = classified.labels.length;
  if (count < 2) return undefined;
  const fitted = everyNth(classified, 0, 2 * Math.ceil(count / (2 * MOST_FITTED)));
  const tried = everyNth(classified, 1, 2);
  const temperature = calibratingTemperature(fitted);
  const scaled = { ...tried, logits: tried.logits.map((logit) => logit / temperature) };
  return {
    temperature,
    before: expectedCalibrationError(reliabilityBins(tried)),
    after: expectedCalibrationError(reliabilityBins(scaled)),
  };
}

function everyNth({ logits, labels }: Classified, first: number, step: number): Classified {
  const classes = logits.length / labels.length;
  const chosen = Array.from({ length: Math.ceil((labels.length - first) / step) }, (_, place) => first + step * place);
  const rows = new Float32Array(chosen.length * classes);
  chosen.forEach((sample, place) => void rows.set(logits.subarray(sample * classes, (sample + 1) * classes), place * classes));
  return { logits: rows, labels: chosen.map((sample) => labels[sample] as number) };
}

/** Beyond these the likelihood of samples that are all right, or all wrong, would drive it without end. */
const [COLDEST, HOTTEST] = [1 / 20, 20];
const HALVINGS = 24;

/**
 * The temperature T for which softmax(z / T) has the least negative log likelihood, from 1/20 to 20. In β = 1/T that is convex: its derivative
 *
 *     Σ_i E_softmax(β z_i)[z_i] − z_i[label_i]
 *
 * rises with β, and is halved towards 0.
 */
export function calibratingTemperature(classified: Classified): number {
  const { predictions, labels, classes } = predict(classified);
  const { logits } = classified;
  const slope = (beta: number): number => {
    let total = 0;
    predictions.forEach((prediction, sample) => {
      const start = sample * classes;
      const highest = logits[start + prediction] as number;
      let [sum, weighted] = [0, 0];
      for (let index = start; index < start + classes; index++) {
        const behind = (logits[index] as number) - highest;
        const weight = Math.exp(beta * behind);
        sum += weight;
        // What can't be is no part of the mean, though 0·(−∞) is no number.
        if (weight > 0) weighted += weight * behind;
      }
      total += weighted / sum + highest - (logits[start + (labels[sample] as number)] as number);
    });
    return total;
  };
  let [low, high] = [COLDEST, HOTTEST];
  for (let halving = 0; halving < HALVINGS; halving++) {
    const middle = Math.sqrt(low * high);
    // Likelier at a β above 1/middle, so at a temperature below it.
    if (slope(1 / middle) < 0) high = middle;
    else low = middle;
  }
  return Math.sqrt(low * high);
}
