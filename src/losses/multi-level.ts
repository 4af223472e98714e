import { z } from "zod";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { positive } from "../options.ts";
import { kdLoss } from "./kd.ts";
import { requireLogits, type Temperature } from "./logits.ts";
import { logitLoss } from "./loss.ts";
import { logitsOf } from "./standardize.ts";

/** ‖P_s·P_sᵀ − P_t·P_tᵀ‖²/B, P = softmax(logits/T) [B, C]: which samples of the batch resemble each other. @returns A scalar. */
export function batchCorrelationLoss(g: GraphBuilder, student: Value, teacher: Value, temperature: Temperature): Value {
  return correlationLoss(g, student, teacher, temperature, 0);
}

/** ‖P_sᵀ·P_s − P_tᵀ·P_t‖²/C, P = softmax(logits/T) [B, C]: which classes the batch's samples have in common. @returns A scalar. */
export function classCorrelationLoss(g: GraphBuilder, student: Value, teacher: Value, temperature: Temperature): Value {
  return correlationLoss(g, student, teacher, temperature, 1);
}

/** @param axis Whose elements are correlated, over the other axis. */
function correlationLoss(g: GraphBuilder, student: Value, teacher: Value, temperature: Temperature, axis: 0 | 1): Value {
  requireLogits("Multi-level distillation", student, teacher);
  const [a, b] = [student, teacher].map((logits) => {
    const p = g.softmax(g.div(logits, temperature));
    return axis === 0 ? g.matMul(p, p, { transposeB: true }) : g.matMul(p, p, { transposeA: true });
  }) as [Value, Value];
  return g.mul(g.reduceSumSquare(g.sub(a, b)), 1 / Number(student.shape[axis]));
}

/**
 * Multi-level logit distillation: Jin, Wang and Lin, 2023 (CVPR 2023, "Multi-Level Logit Distillation").
 *
 *     Σ over the temperatures of kd + batch correlation + class correlation
 *
 * As the paper has it, of one view of each sample. The released code takes a weak and a strong augmentation, and means to leave out what the
 * teacher is less sure of, but multiplies scalars by its masks instead: a factor near one half on some terms. Where logits are
 * standardised, that is for kd only, as in the code of Sun et al., 2024 (arXiv:2403.01427).
 *
 * @param student [B, C] logits @param teacher [B, C] logits
 * @param soft The logits for kd: `[student, teacher]` unless given.
 * @returns A scalar.
 */
export function multiLevelLoss(
  g: GraphBuilder,
  student: Value,
  teacher: Value,
  temperatures: readonly number[],
  soft: readonly [student: Value, teacher: Value] = [student, teacher],
): Value {
  const terms = temperatures.flatMap((temperature) => [
    kdLoss(g, ...soft, temperature),
    batchCorrelationLoss(g, student, teacher, temperature),
    classCorrelationLoss(g, student, teacher, temperature),
  ]);
  return g.sum(...terms);
}

export const multiLevel = logitLoss({
  name: "multiLevel",
  summary: "kd at several temperatures, and which samples and which classes go together (multi-level logit distillation)",
  paper: "Jin, Wang and Lin, 2023, CVPR",
  weight: 0.9,
  numbers: {},
  options: {
    temperatures: z.array(positive).min(1).default([4, 3, 5, 2, 6]),
    standardize: z.boolean().default(false),
  },
  build: (scene) => multiLevelLoss(scene.g, scene.student, scene.teacher, scene.options.temperatures, logitsOf(scene)),
});
