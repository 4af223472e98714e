import { z } from "zod";
import { LimbeckError } from "../errors.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { nonNegative, schedule } from "../options.ts";
import { kdPerSample } from "./kd.ts";
import { divergence, requireLogits, type Temperature, targets, timesSquare } from "./logits.ts";
import { logitLoss } from "./loss.ts";
import { logitsOf } from "./standardize.ts";
import { temperatureOption } from "./temperature.ts";

export interface DkdOptions {
  /** Weight of the target class against the rest (TCKD). */
  readonly alpha: number | Value;
  /** Weight of what the other classes are among themselves (NCKD). */
  readonly beta: number | Value;
  readonly temperature: Temperature;
}

/**
 * Decoupled knowledge distillation: Zhao, Cui, Song, Qiu and Liang, 2022 (arXiv:2203.08679). Of each sample
 *
 *     T²·(α·KL(b_t ‖ b_s) + β·KL(p̂_t ‖ p̂_s))
 *
 * b = [p_y, 1 − p_y] says how sure a network is of the label's class y, p̂ = softmax over the other classes. (KL of all classes is the same
 * sum with β = the teacher's 1 − p_y, which a sure teacher makes tiny.) All in logarithms: log(1 − p_y) is taken from the others' logits, so
 * a network that is as sure as float32 can tell gives no NaN, as it does in the authors' code.
 *
 * The authors let the loss's weight rise over the first 20 of 240 epochs: a schedule of the weight.
 *
 * @param student [B, C] logits @param teacher [B, C] logits @param labels [B], integers
 * @returns [B], in nats times T².
 * @throws LimbeckError for two classes: one class beside the target has nothing to be divided among.
 */
export function dkdPerSample(g: GraphBuilder, student: Value, teacher: Value, labels: Value, options: DkdOptions): Value {
  requireLogits("Decoupled distillation", student, teacher);
  if (Number(student.shape[1]) < 3) {
    throw new LimbeckError(
      "Decoupled distillation (dkd) needs three classes or more: with two, the one class beside the target is always all of the rest, so the part that dkd strengthens says nothing.",
      { hint: 'Use kd, which is all that is left of dkd then; `binary: "kd"` does so by itself.' },
    );
  }
  const { alpha, beta, temperature } = options;
  const [ofTeacher, ofStudent] = [teacher, student].map((logits) => decoupled(g, g.div(logits, temperature), labels)) as [Parts, Parts];
  const target = g.mul(divergence(g, ofTeacher.binary, ofStudent.binary), alpha);
  const rest = g.mul(divergence(g, ofTeacher.others, ofStudent.others), beta);
  return timesSquare(g, g.add(target, rest), temperature);
}

interface Parts {
  /** log [p_y, 1 − p_y], [B, 2]. */
  readonly binary: Value;
  /** log p̂, [B, C]; what the label's class has there is nothing, and the same for all logits. */
  readonly others: Value;
}

/** Below every logit, and still finite when logits are subtracted. */
const NOTHING = -1e30;

function decoupled(g: GraphBuilder, logits: Value, labels: Value): Parts {
  const isTarget = g.greater(targets(g, labels, logits), 0.5);
  const target = g.reduceSum(g.where(isTarget, logits, 0), { axes: [1], keepDims: true });
  const others = g.where(isTarget, NOTHING, logits);
  // e^z of the others together is as one class beside the target.
  const binary = g.concat([target, g.reduceLogSumExp(others, { axes: [1], keepDims: true })], 1);
  return { binary: g.logSoftmax(binary), others: g.logSoftmax(others) };
}

export const dkd = logitLoss({
  name: "dkd",
  summary: "How sure the teacher is, and what it makes of the other classes, weighted apart (decoupled distillation)",
  paper: "Zhao et al., 2022, arXiv:2203.08679",
  weight: 1,
  numbers: {
    alpha: schedule(nonNegative).default(1),
    beta: schedule(nonNegative).default(8),
    temperature: temperatureOption.default(4),
  },
  options: {
    standardize: z.boolean().default(false),
    /** What becomes of two classes: an error, or alpha·kd. */
    binary: z.enum(["error", "kd"]).default("error"),
  },
  build: (scene) => {
    const { g, labels, numbers, options } = scene;
    const [student, teacher] = logitsOf(scene);
    if (options.binary === "kd" && student.shape[1] === 2) {
      return g.mul(kdPerSample(g, student, teacher, numbers.temperature), numbers.alpha);
    }
    return dkdPerSample(g, student, teacher, labels(), numbers);
  },
});
