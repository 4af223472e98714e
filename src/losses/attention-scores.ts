import { z } from "zod";
import { LimbeckError } from "../errors.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import { formatShape, type Value } from "../graph/graph.ts";
import { featureLoss, overPairs } from "./loss.ts";

export interface AttentionScoreOptions {
  /** [B, T], 1 for tokens and 0 for padding: the mean is then over pairs of tokens that both aren't padding. */
  readonly mask?: Value;
  /** Scores no greater than this count as 0: they say that a place is padding. −100 (TinyBERT) unless given. */
  readonly floor?: number;
}

/**
 * Mean of (s − t)² over samples, heads and pairs of tokens, of attention scores before softmax.
 *
 * - With a mask, TextBrewer's `att_mse_loss`.
 * - Without, TinyBERT's (Jiao et al., 2019, arXiv:1909.10351). TextBrewer's without a mask is this with a floor of −0.001, which drops every
 *   negative score.
 *
 * @param student [B, heads, T, T] @param teacher The same.
 * @returns A scalar.
 * @throws LimbeckError when these are no scores of as many heads.
 */
export function attentionScoreLoss(
  g: GraphBuilder,
  student: Value,
  teacher: Value,
  { mask, floor = -100 }: AttentionScoreOptions = {},
): Value {
  requireHeads("The loss of attention scores", student, teacher);
  const [s, t] = [student, teacher].map((scores) => g.where(g.lessOrEqual(scores, floor), 0, scores)) as [Value, Value];
  const difference = g.sub(s, t);
  const squares = g.mul(difference, difference);
  if (!mask) return g.reduceMean(squares);
  const weights = g.cast(mask, squares.type);
  const pairs = g.mul(g.unsqueeze(weights, [1, 3]), g.unsqueeze(weights, [1, 2]));
  const count = g.mul(g.reduceSum(pairs), Number(student.shape[1]));
  return g.div(g.reduceSum(g.mul(squares, pairs)), g.max(count, 1));
}

/** @throws LimbeckError when a loss that compares heads one by one gets anything but scores [batch, heads, tokens, tokens] of as many. */
export function requireHeads(loss: string, student: Value, teacher: Value): void {
  for (const { name, shape } of [student, teacher]) {
    if (shape.length === 4) continue;
    throw new LimbeckError(`${loss} is taken of scores [batch, heads, tokens, tokens], but "${name}" is ${formatShape(shape)}.`);
  }
  if (student.shape[1] !== teacher.shape[1]) {
    throw new LimbeckError(
      `${loss} compares heads one by one, but those of the student are ${student.shape[1]}, of the teacher ${teacher.shape[1]}.`,
      { hint: "Give the student the teacher's number of heads, or use miniLmV2, which takes any." },
    );
  }
}

export const attentionScores = featureLoss({
  name: "attentionScores",
  summary: "Squared difference of attention scores before softmax (TinyBERT)",
  paper: "Jiao et al., 2019, arXiv:1909.10351",
  weight: 1,
  numbers: {},
  /** Whether padding is left out, where the student takes a mask (TextBrewer), or takes part as 0 (TinyBERT). */
  options: { form: z.enum(["masked", "tinyBert"]).default("masked") },
  pairs: "attentions",
  parts: ["scores"],
  fit: { form: "any", channels: "any", space: "any" },
  build: overPairs(({ g, mask, options }, { student, teacher }) =>
    attentionScoreLoss(g, student, teacher, { mask: options.form === "masked" ? mask : undefined }),
  ),
});
