import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { kdPerSample } from "./kd.ts";
import { logProbabilities, requireLogits, type Temperature } from "./logits.ts";
import { logitLoss } from "./loss.ts";
import { temperatureOption } from "./temperature.ts";

// What other code bases call the distillation loss. Each differs from `kd` by a factor or by the teacher's entropy, so that a weight tuned
// for one is wrong for another.

/** `kd` divided by the number of classes: the mean over all elements, times T², of the authors of TAKD, Tf-KD and DeiT. @returns [B] */
export function kdMeanPerSample(g: GraphBuilder, student: Value, teacher: Value, temperature: Temperature): Value {
  return g.mul(kdPerSample(g, student, teacher, temperature), 1 / Number(student.shape[1]));
}

export const kdMean = logitLoss({
  name: "kdMean",
  summary: "kd divided by the number of classes, as TAKD, Tf-KD and DeiT have it",
  paper: "Mirzadeh et al., 2019, arXiv:1902.03393",
  weight: 1,
  numbers: { temperature: temperatureOption.default(4) },
  options: {},
  build: ({ g, student, teacher, numbers }) => kdMeanPerSample(g, student, teacher, numbers.temperature),
});

/**
 * Cross-entropy with the teacher's softened probabilities, without T²: −Σ over classes of p·log q, p = softmax(teacher/T),
 * q = softmax(student/T). TextBrewer's `kd_ce` (Yang et al., 2020, arXiv:2002.12620). It is KL plus the teacher's entropy, so it ends above 0.
 *
 * @returns [B], in nats.
 */
export function softCrossEntropyPerSample(g: GraphBuilder, student: Value, teacher: Value, temperature: Temperature): Value {
  requireLogits("Cross-entropy with a teacher", student, teacher);
  const p = g.exp(logProbabilities(g, teacher, temperature));
  return g.neg(g.reduceSum(g.mul(p, logProbabilities(g, student, temperature)), { axes: [1] }));
}

export const softCrossEntropy = logitLoss({
  name: "softCrossEntropy",
  summary: "Cross-entropy with the teacher's softened probabilities, without T² (TextBrewer's kd_ce)",
  paper: "Yang et al., 2020, arXiv:2002.12620",
  weight: 1,
  numbers: { temperature: temperatureOption.default(4) },
  options: {},
  build: ({ g, student, teacher, numbers }) => softCrossEntropyPerSample(g, student, teacher, numbers.temperature),
});

/**
 * `softCrossEntropy` divided by the number of classes: the mean over all elements of TinyBERT's prediction layer (Jiao et al., 2019,
 * arXiv:1909.10351, `task_distill.py`).
 *
 * @returns [B]
 */
export function tinybertPredictionPerSample(g: GraphBuilder, student: Value, teacher: Value, temperature: Temperature): Value {
  return g.mul(softCrossEntropyPerSample(g, student, teacher, temperature), 1 / Number(student.shape[1]));
}

export const tinybertPrediction = logitLoss({
  name: "tinybertPrediction",
  summary: "softCrossEntropy divided by the number of classes: TinyBERT's last stage",
  paper: "Jiao et al., 2019, arXiv:1909.10351",
  weight: 1,
  numbers: { temperature: temperatureOption.default(1) },
  options: {},
  build: ({ g, student, teacher, numbers }) => tinybertPredictionPerSample(g, student, teacher, numbers.temperature),
});

/**
 * Regression of the logits themselves: the mean over classes of (student/T − teacher/T)². Ba and Caruana, 2013 (arXiv:1312.6184); Kim et
 * al., 2021 (arXiv:2105.08919) find it better than KL where the labels are right. TextBrewer's `kd_mse`.
 *
 * @returns [B]
 */
export function mseLogitsPerSample(g: GraphBuilder, student: Value, teacher: Value, temperature: Temperature): Value {
  requireLogits("Regression of logits", student, teacher);
  const difference = g.div(g.sub(student, teacher), temperature);
  return g.reduceMean(g.mul(difference, difference), { axes: [1] });
}

export const mseLogits = logitLoss({
  name: "mseLogits",
  summary: "Mean squared difference of the logits, divided by the temperature (TextBrewer's kd_mse)",
  paper: "Ba and Caruana, 2013, arXiv:1312.6184; Kim et al., 2021, arXiv:2105.08919",
  weight: 1,
  numbers: { temperature: temperatureOption.default(1) },
  options: {},
  build: ({ g, student, teacher, numbers }) => mseLogitsPerSample(g, student, teacher, numbers.temperature),
});
