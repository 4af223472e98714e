import { LimbeckError } from "../errors.ts";

/** Logits [N, C], row-major, with one label (0..C-1) for each of the N samples. */
export interface Classified {
  readonly logits: Float32Array;
  readonly labels: ArrayLike<number>;
}

/** The class of the highest logit of each row of [N, C]; the lower class where two are equal. @throws LimbeckError for NaN. */
export function argMax(logits: Float32Array, classes: number): Uint32Array {
  if (!Number.isInteger(classes) || classes < 1 || logits.length % classes !== 0) {
    throw new LimbeckError(`${logits.length} logits do not divide into rows of ${classes} classes.`);
  }
  return Uint32Array.from({ length: logits.length / classes }, (_, sample) => {
    let best = 0;
    for (let index = 0; index < classes; index++) {
      const logit = logits[sample * classes + index] as number;
      if (Number.isNaN(logit))
        throw new LimbeckError(`The logits of sample ${sample} are not numbers.`, {
          hint: "Check the model and its inputs for NaN.",
          exitCode: 1,
        });
      if (logit > (logits[sample * classes + best] as number)) best = index;
    }
    return best;
  });
}

/** Fraction of samples whose highest logit is that of the label. */
export function accuracy(classified: Classified): number {
  const { predictions, labels } = predict(classified);
  return fraction(predictions, (prediction, sample) => prediction === labels[sample]);
}

/** Fraction of samples to which two models give the same class, whatever the label: how faithful a student is. Logits [N, C] each. */
export function agreement(a: Float32Array, b: Float32Array, classes: number): number {
  if (a.length !== b.length) throw new LimbeckError(`${a.length} logits cannot be compared with ${b.length}.`);
  const others = argMax(b, classes);
  return fraction(argMax(a, classes), (prediction, sample) => prediction === others[sample]);
}

/** What part of the teacher's accuracy the student keeps. */
export function retention(studentAccuracy: number, teacherAccuracy: number): number {
  return studentAccuracy / teacherAccuracy;
}

/** [C][C]: `matrix[label][prediction]` is a number of samples. */
export function confusionMatrix(classified: Classified): readonly (readonly number[])[] {
  const { predictions, labels, classes } = predict(classified);
  const matrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  predictions.forEach((prediction, sample) => {
    const row = matrix[labels[sample] as number] as number[];
    row[prediction] = (row[prediction] as number) + 1;
  });
  return matrix;
}

/**
 * Expected calibration error (Guo et al., 2017, "On calibration of modern neural networks", arXiv:1706.04599, equation 3): samples are
 * sorted into bins ((m − 1)/M, m/M] by their confidence, the highest softmax probability;
 *
 *     ECE = Σ_m |B_m|/N · |accuracy(B_m) − mean confidence(B_m)|
 *
 * 0 is perfectly calibrated.
 */
export function expectedCalibrationError(classified: Classified, bins = 15): number {
  const { predictions, labels, classes } = predict(classified);
  // Per bin, the sum over its samples of (correct − confidence): |B_m| times the difference of the means.
  const gaps = new Float64Array(bins);
  predictions.forEach((prediction, sample) => {
    const confidence = 1 / partition(classified.logits, sample * classes, classes, prediction);
    const bin = Math.min(bins, Math.ceil(confidence * bins)) - 1;
    gaps[bin] = (gaps[bin] as number) + Number(prediction === labels[sample]) - confidence;
  });
  return gaps.reduce((total, gap) => total + Math.abs(gap), 0) / predictions.length;
}

/** Σ exp(z − z_best) over one row: what softmax divides by, for the best class. */
function partition(logits: Float32Array, start: number, classes: number, best: number): number {
  const highest = logits[start + best] as number;
  let total = 0;
  for (let index = 0; index < classes; index++) total += Math.exp((logits[start + index] as number) - highest);
  return total;
}

function predict({ logits, labels }: Classified): { predictions: Uint32Array; labels: ArrayLike<number>; classes: number } {
  if (labels.length === 0) throw new LimbeckError("There are no samples to score.");
  const classes = logits.length / labels.length;
  const predictions = argMax(logits, classes);
  for (let sample = 0; sample < labels.length; sample++) {
    const label = labels[sample] as number;
    if (!Number.isInteger(label) || label < 0 || label >= classes) {
      throw new LimbeckError(`Sample ${sample} has the label ${label}, but the model tells ${classes} classes apart.`, {
        hint: `Labels go from 0 to ${classes - 1}.`,
      });
    }
  }
  return { predictions, labels, classes };
}

function fraction(predictions: Uint32Array, isCounted: (prediction: number, sample: number) => boolean): number {
  if (predictions.length === 0) throw new LimbeckError("There are no samples to score.");
  return predictions.reduce((count, prediction, sample) => count + Number(isCounted(prediction, sample)), 0) / predictions.length;
}
