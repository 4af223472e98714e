import { argMax } from "./classification.ts";

/** What a teacher's answers are like at a temperature: means over samples. */
export interface SoftTargets {
  readonly temperature: number;
  /** The highest probability. */
  readonly topMass: number;
  /** In nats. */
  readonly entropy: number;
  /** e to the entropy: so many equally likely classes would be as uncertain. */
  readonly effectiveClasses: number;
  /** In nats; see `softTargets`. */
  readonly darkKnowledge: number;
}

/**
 * Softmax(z / T) of logits [N, C], and what it says beyond the class that it names: the KL divergence from it to the label smoothing that is
 * as sure on average, m on the class named and (1 − m)/(C − 1) on each other one, where m is the mean of the highest probabilities. That is
 *
 *     h(m) + (1 − m)·ln(C − 1) − mean entropy,    h(m) = −m ln m − (1 − m) ln(1 − m)
 *
 * and 0 for a teacher that only smooths labels (Yuan et al., 2020, "Revisiting knowledge distillation via label smoothing regularization",
 * arXiv:1909.11723). It vanishes where a low temperature leaves nothing to the other classes, and where a high one makes all of them alike.
 */
export function softTargets(logits: Float32Array, classes: number, temperature: number): SoftTargets {
  const tops = argMax(logits, classes);
  let [top, entropy] = [0, 0];
  tops.forEach((best, sample) => {
    const row = logits.subarray(sample * classes, (sample + 1) * classes);
    const highest = row[best] as number;
    let [sum, weighted] = [0, 0];
    for (const logit of row) {
      const behind = (logit - highest) / temperature;
      const weight = Math.exp(behind);
      sum += weight;
      // What can't be is no part of the entropy, though 0·(−∞) is no number.
      if (weight > 0) weighted += weight * behind;
    }
    top += 1 / sum;
    entropy += Math.log(sum) - weighted / sum;
  });
  const [mass, mean] = [top / tops.length, entropy / tops.length];
  const rest = 1 - mass;
  const smoothing = -xLogX(mass) - xLogX(rest) + rest * Math.log(Math.max(1, classes - 1));
  return { temperature, topMass: mass, entropy: mean, effectiveClasses: Math.exp(mean), darkKnowledge: Math.max(0, smoothing - mean) };
}

const xLogX = (x: number): number => (x > 0 ? x * Math.log(x) : 0);

/** Where the teacher says most beyond the class that it names. @param all At least one. */
export function mostInformative(all: readonly SoftTargets[]): SoftTargets {
  return all.reduce((most, one) => (one.darkKnowledge > most.darkKnowledge ? one : most));
}
