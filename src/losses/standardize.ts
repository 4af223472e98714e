import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";

/** A row that varies less than this is taken to vary so much: its z-scores would otherwise have gradients of a million and more. */
const LEAST_STD = 1e-3;

/**
 * Logit standardisation: Sun, Ren, Li, Wang and Cao, 2024 (arXiv:2403.01427).
 *
 *     z̃ = (z − mean of the row)/(1e-7 + std of the row)
 *
 * with the unbiased std, as in the authors' code: a student need not have its teacher's mean and scale, only its order and proportions. They
 * distil what comes out at temperature 2 and weight 9. A constant row becomes zeros.
 *
 * @param logits [B, C] @returns [B, C]
 */
export function standardized(g: GraphBuilder, logits: Value): Value {
  const centred = g.sub(logits, g.reduceMean(logits, { axes: [1], keepDims: true }));
  const others = Math.max(1, Number(logits.shape[1]) - 1);
  const variance = g.mul(g.reduceSumSquare(centred, { axes: [1], keepDims: true }), 1 / others);
  return g.div(centred, g.add(g.sqrt(g.max(variance, LEAST_STD ** 2)), 1e-7));
}

/** The logits of student and teacher that a loss compares: standardised where its option says so. */
export function logitsOf({ g, student, teacher, options }: Standardizable): readonly [student: Value, teacher: Value] {
  return options.standardize ? [standardized(g, student), standardized(g, teacher)] : [student, teacher];
}

interface Standardizable {
  readonly g: GraphBuilder;
  readonly student: Value;
  readonly teacher: Value;
  readonly options: { readonly standardize: boolean };
}
