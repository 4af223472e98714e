import { z } from "zod";
import { LimbeckError } from "../errors.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { positive, schedule } from "../options.ts";
import { divergence, requireLogits, targets } from "./logits.ts";
import { logitLoss } from "./loss.ts";

export interface VirtualTeacherOptions {
  /** What the teacher would give the label's class, between 0 and 1. */
  readonly confidence: number | Value;
  /** Of the virtual teacher alone. */
  readonly temperature: number | Value;
}

/**
 * Teacher-free distillation with a designed teacher (Tf-KD_reg): Yuan, Tay, Li, Wang and Feng, 2019 (arXiv:1909.11723). Of each sample
 *
 *     KL(softmax(u/T) ‖ softmax(student)), u = a at the label and (1 − a)/(C − 1) elsewhere
 *
 * As in the authors' `loss_kd_regularization`: the probabilities u are softened as if they were logits (at T = 20 nearly uniform, so the
 * loss is a label smoothing that favours the label slightly), the student's logits are not, and there is no T². Summed over classes; the code
 * takes the mean over them times a `multiplier`, for ResNet-18 on CIFAR-100 100 = C. There it weighs 0.1 beside 0.9 of cross-entropy.
 *
 * @param student [B, C] logits @param labels [B], integers
 * @returns [B], in nats.
 */
export function virtualTeacherPerSample(g: GraphBuilder, student: Value, labels: Value, options: VirtualTeacherOptions): Value {
  requireLogits("A virtual teacher", student);
  const others = Number(student.shape[1]) - 1;
  if (others < 1) throw new LimbeckError("A virtual teacher needs two classes or more.");
  const { confidence, temperature } = options;
  const hard = targets(g, labels, student);
  const rest = g.mul(g.sub(1, confidence), 1 / others);
  const u = g.add(g.mul(hard, g.sub(confidence, rest)), rest);
  return divergence(g, g.logSoftmax(g.div(u, temperature)), g.logSoftmax(student));
}

export const virtualTeacher = logitLoss({
  name: "virtualTeacher",
  summary: "A designed teacher that is right with a set confidence, softened: label smoothing as distillation (Tf-KD)",
  paper: "Yuan et al., 2019, arXiv:1909.11723",
  weight: 0.1,
  needsTeacher: false,
  numbers: { confidence: schedule(z.number().gt(0).lt(1)).default(0.99), temperature: schedule(positive).default(20) },
  options: {},
  build: ({ g, student, labels, numbers }) => virtualTeacherPerSample(g, student, labels(), numbers),
});
