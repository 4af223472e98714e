import type { GraphBuilder } from "../graph/builder/builder.ts";
import { seededUniform } from "../graph/builder/random.ts";
import type { Value } from "../graph/graph.ts";
import { float32 } from "../graph/tensor.ts";
import { crossEntropyPerSample } from "./cross-entropy.ts";
import { requireLogits } from "./logits.ts";

// Several teachers of one student: K lists of logits [B, C], of the same classes. Either the logits are averaged and there is one loss, or
// each teacher has its loss [B], and the losses are combined by weights [B, K] (or [1, K], where all samples have the same).

/** The mean of the teachers' logits, as TextBrewer's multi-teacher distiller has it. It is not the mean of their losses. @returns [B, C] */
export function meanOfLogits(g: GraphBuilder, teachers: readonly Value[]): Value {
  requireLogits("The mean of several teachers", ...teachers);
  return g.mul(g.sum(...teachers), 1 / teachers.length);
}

/** Σ over teachers of weight·loss, of each sample. @param losses K times [B] @param weights [B, K] or [1, K] @returns [B] */
export function combine(g: GraphBuilder, losses: readonly Value[], weights: Value): Value {
  return g.reduceSum(g.mul(columns(g, losses), weights), { axes: [1] });
}

/** K times [B] as [B, K]. */
function columns(g: GraphBuilder, values: readonly Value[]): Value {
  return g.concat(
    values.map((value) => g.unsqueeze(value, [1])),
    1,
  );
}

/** 1/K each: the mean of the losses (AVER). @returns [1, K] */
export function equalWeights(g: GraphBuilder, count: number): Value {
  return fixedWeights(g, new Array<number>(count).fill(1 / count));
}

/** The same for all samples, as they are given: they need not add up to 1. @returns [1, K] */
export function fixedWeights(g: GraphBuilder, weights: readonly number[]): Value {
  return g.constant(float32(weights, [1, weights.length]));
}

/**
 * Weights by the class of the label, where teachers know different classes well.
 *
 * @param weights Of each teacher, C numbers @param labels [B], integers
 * @returns [B, K]
 */
export function classWeights(g: GraphBuilder, weights: readonly (readonly number[])[], labels: Value): Value {
  const classes = weights[0]?.length ?? 0;
  const byClass = Array.from({ length: classes }, (_, of) => weights.map((row) => row[of] as number)).flat();
  return g.gather(g.constant(float32(byClass, [classes, weights.length])), labels, 0);
}

/**
 * Surer teachers weigh more (EBKD): Kwon, Na, Lee and Kim, 2020 ("Adaptive Knowledge Distillation Based on Entropy", ICASSP), as in the code
 * of CA-MKD.
 *
 *     w = (1 − H_k/Σ over teachers of H)/K, H = the entropy of softmax(teacher)
 *
 * The weights of a sample add up to (K − 1)/K. A single teacher has weight 1.
 *
 * @returns [B, K]
 */
export function entropyWeights(g: GraphBuilder, teachers: readonly Value[]): Value {
  requireLogits("Weighting teachers by entropy", ...teachers);
  if (teachers.length === 1) return equalWeights(g, 1);
  const entropies = teachers.map((logits) => {
    const logP = g.logSoftmax(logits);
    return g.neg(g.reduceSum(g.mul(g.exp(logP), logP), { axes: [1] }));
  });
  const each = columns(g, entropies);
  // Teachers that are all certain weigh the same.
  const total = g.max(g.reduceSum(each, { axes: [1], keepDims: true }), 1e-12);
  return g.mul(g.sub(1, g.div(each, total)), 1 / teachers.length);
}

/**
 * Teachers nearer to the label weigh more (CA-MKD): Zhang, Chen and Wang, 2021 (arXiv:2201.00007).
 *
 *     w = (1 − softmax over teachers of the cross-entropy with the label)/((K − 1)·K)
 *
 * The paper has no /K; the authors' code does. The weights of a sample add up to 1/K. A single teacher has weight 1, where the formula
 * divides by 0.
 *
 * @param teachers K times [B, C]: the teachers' logits; for features, what the teachers' last layers make of the student's.
 * @returns [B, K]
 */
export function confidenceWeights(g: GraphBuilder, teachers: readonly Value[], labels: Value): Value {
  requireLogits("Weighting teachers by confidence", ...teachers);
  const count = teachers.length;
  if (count === 1) return equalWeights(g, 1);
  const errors = teachers.map((logits) => crossEntropyPerSample(g, logits, labels));
  return g.mul(g.sub(1, g.softmax(columns(g, errors))), 1 / ((count - 1) * count));
}

/**
 * CA-MKD's term for features: the mean squared error of each sample's, weighted by how well the teacher's last layer classifies what it gets
 * of the student.
 *
 * @param students K times the student's features, made to fit each teacher's @param teachers K features [B, ...]
 * @param heads K times [B, C]: the logits of each teacher's last layer on the student's features
 * @returns [B]
 */
export function confidenceHint(
  g: GraphBuilder,
  students: readonly Value[],
  teachers: readonly Value[],
  heads: readonly Value[],
  labels: Value,
): Value {
  const errors = students.map((student, index) => {
    const difference = g.flatten(g.sub(student, teachers[index] as Value));
    return g.reduceMean(g.mul(difference, difference), { axes: [1] });
  });
  return combine(g, errors, confidenceWeights(g, heads, labels));
}

/** Tells this draw from others of the same seed. */
const SALT = 0x7eac;

/**
 * One teacher for the whole batch, drawn with equal chances.
 *
 * @param seed A scalar that is another at each step, as `seededUniform` takes it.
 * @returns [1, K]: 1 for the teacher drawn, 0 for the others.
 */
export function randomTeacher(g: GraphBuilder, seed: Value, count: number): Value {
  const drawn = g.reshape(seededUniform(g, seed, [1], SALT), [1, 1]);
  const bounds = (offset: number) =>
    g.constant(
      float32(
        Array.from({ length: count }, (_, index) => (index + offset) / count),
        [1, count],
      ),
    );
  return g.cast(g.and(g.greaterOrEqual(drawn, bounds(0)), g.less(drawn, bounds(1))), "float32");
}
