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

/** Fraction of samples whose label is among the `count` highest logits; where logits are equal, the lower class comes first. */
export function topAccuracy(classified: Classified, count: number): number {
  const { predictions, labels, classes } = predict(classified);
  const { logits } = classified;
  return fraction(predictions, (_, sample) => {
    const [start, label] = [sample * classes, labels[sample] as number];
    const own = logits[start + label] as number;
    let before = 0;
    for (let index = 0; index < classes && before < count; index++) {
      const other = logits[start + index] as number;
      if (other > own || (other === own && index < label)) before++;
    }
    return before < count;
  });
}

/** A sample that is taken for another class. */
export interface Mistake {
  /** Place among the samples. */
  readonly index: number;
  readonly label: number;
  readonly prediction: number;
  /** Softmax's, of the class that is predicted. */
  readonly probability: number;
}

/** The samples that are taken for another class, those that the model is surest of first. */
export function surestMistakes(classified: Classified, limit: number): readonly Mistake[] {
  const { predictions, labels, classes } = predict(classified);
  const mistakes: Mistake[] = [];
  predictions.forEach((prediction, index) => {
    const label = labels[index] as number;
    if (prediction !== label)
      mistakes.push({ index, label, prediction, probability: confidenceOf(classified.logits, index, classes, prediction) });
  });
  return mistakes.sort((a, b) => b.probability - a.probability).slice(0, limit);
}

/** Softmax's probability of the best class in row `sample` of [N, C]. */
export function confidenceOf(logits: Float32Array, sample: number, classes: number, best: number): number {
  return 1 / partition(logits, sample * classes, classes, best);
}

/** Σ exp(z − z_best) over one row: what softmax divides by, for the best class. */
export function partition(logits: Float32Array, start: number, classes: number, best: number): number {
  const highest = logits[start + best] as number;
  let total = 0;
  for (let index = 0; index < classes; index++) total += Math.exp((logits[start + index] as number) - highest);
  return total;
}

/** The class of each sample. @throws LimbeckError for labels without a class. */
export function predict({ logits, labels }: Classified): { predictions: Uint32Array; labels: ArrayLike<number>; classes: number } {
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
