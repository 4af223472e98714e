import { LimbeckError } from "../errors.ts";

/**
 * Matthews' correlation of labels and predictions, −1 to 1, for any number of classes (Gorodkin, 2004: R_K; of two classes the φ
 * coefficient), by which CoLA is scored. 0 where all labels or all predictions are one class.
 *
 * @param confusion [C][C]: `confusion[label][prediction]` is a number of samples.
 */
export function matthewsCorrelation(confusion: readonly (readonly number[])[]): number {
  const labels = confusion.map((row) => row.reduce((total, count) => total + count, 0));
  const predictions = confusion.map((_, prediction) => confusion.reduce((total, row) => total + (row[prediction] as number), 0));
  const samples = labels.reduce((total, count) => total + count, 0);
  const right = confusion.reduce((total, row, label) => total + (row[label] as number), 0);
  const product = (a: readonly number[], b: readonly number[]) =>
    a.reduce((total, count, index) => total + count * (b[index] as number), 0);
  const scale = Math.sqrt((samples ** 2 - product(labels, labels)) * (samples ** 2 - product(predictions, predictions)));
  return scale > 0 ? (right * samples - product(labels, predictions)) / scale : 0;
}

/**
 * Pearson's correlation of two variables, −1 to 1; 0 where one of them doesn't vary.
 *
 * @throws LimbeckError when they have different lengths, or fewer than two values.
 */
export function pearsonCorrelation(x: ArrayLike<number>, y: ArrayLike<number>): number {
  if (x.length !== y.length || x.length < 2) {
    throw new LimbeckError(`A correlation is of as many values on both sides, two or more: here are ${x.length} and ${y.length}.`);
  }
  const [a, b] = [centred(x), centred(y)];
  const scale = Math.sqrt(dot(a, a)) * Math.sqrt(dot(b, b));
  return scale === 0 ? 0 : Math.max(-1, Math.min(1, dot(a, b) / scale));
}

/** Spearman's rank correlation: Pearson's of the ranks, where equal values share the mean of theirs. */
export function spearmanCorrelation(x: ArrayLike<number>, y: ArrayLike<number>): number {
  return pearsonCorrelation(averageRanks(x), averageRanks(y));
}

/** From 1; equal values have the mean of the ranks that they take up. */
export function averageRanks(values: ArrayLike<number>): Float64Array {
  const order = Array.from(values, (_, index) => index).sort((a, b) => (values[a] as number) - (values[b] as number));
  const ranks = new Float64Array(order.length);
  for (let start = 0, end = 0; start < order.length; start = end) {
    while (end < order.length && values[order[end] as number] === values[order[start] as number]) end++;
    // NaN equals nothing, itself included.
    end = Math.max(end, start + 1);
    for (let place = start; place < end; place++) ranks[order[place] as number] = (start + end + 1) / 2;
  }
  return ranks;
}

/** Values less their mean; zeros where all are the same, whatever rounding makes of the mean. */
function centred(values: ArrayLike<number>): Float64Array {
  const all = Float64Array.from(values);
  if (all.every((value) => value === all[0])) return all.fill(0);
  const mean = all.reduce((total, value) => total + value, 0) / all.length;
  return all.map((value) => value - mean);
}

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((total, value, index) => total + value * (b[index] as number), 0);
