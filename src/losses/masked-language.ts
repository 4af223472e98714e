import { z } from "zod";
import { LimbeckError } from "../errors.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import { formatShape, type Value } from "../graph/graph.ts";
import { kdPerSample } from "./kd.ts";
import type { Temperature } from "./logits.ts";
import { featureLoss, overPairs } from "./loss.ts";
import { temperatureOption } from "./temperature.ts";

/*
 * What a network learns from texts without labels: some of their words are masked, and it guesses which they were. BERT: Devlin et al., 2018
 * (arXiv:1810.04805). DistilBERT, Sanh et al., 2019 (arXiv:1910.01108), adds what its teacher guesses.
 */

/** BERT's share of words that are masked. */
export const MASKED_SHARE = 0.15;

/**
 * Mean over the masked tokens of the batch of −log softmax(scores) at the word that was there; 0 where none is masked.
 *
 * @param scores Of words, [B, T, V] @param labels [B, T], int32: the word that was there; below 0 where none is masked.
 * @returns A scalar, in nats.
 */
export function maskedLanguageLoss(g: GraphBuilder, scores: Value, labels: Value): Value {
  const { rows, count } = byToken("Masked language modelling", g, scores);
  const flat = g.reshape(labels, [count]);
  const isMasked = g.cast(g.greaterOrEqual(flat, 0), scores.type);
  const words = g.cast(g.max(flat, 0), "int64");
  const guessed = g.squeeze(g.gatherElements(g.logSoftmax(rows), g.unsqueeze(words, [1]), 1), [1]);
  return meanOf(g, g.neg(guessed), isMasked);
}

/**
 * Mean over tokens of T²·KL(softmax(teacher/T) ‖ softmax(student/T)): what the teacher says of the word at each.
 *
 * @param student Scores of words, [B, T, V] @param teacher The same. @param kept [B, T], 1 for the tokens that count, and 0 for others; all
 * ones unless given.
 * @returns A scalar, in nats times T²; 0 where no token counts.
 */
export function wordKdLoss(g: GraphBuilder, student: Value, teacher: Value, temperature: Temperature, kept?: Value): Value {
  const name = "Distillation of words";
  const [ours, theirs] = [byToken(name, g, student), byToken(name, g, teacher)];
  const perToken = kdPerSample(g, ours.rows, theirs.rows, temperature);
  return kept ? meanOf(g, perToken, g.cast(g.reshape(kept, [ours.count]), student.type)) : g.reduceMean(perToken);
}

/** [B·T, V] */
function byToken(loss: string, g: GraphBuilder, scores: Value): { readonly rows: Value; readonly count: number } {
  const { name, shape } = scores;
  if (shape.length !== 3) {
    throw new LimbeckError(`${loss} is taken of scores [batch, tokens, vocabulary], but "${name}" is ${formatShape(shape)}.`, {
      hint: "Import the model with --head masked-lm.",
    });
  }
  const [batch, tokens, words] = shape.map(Number) as [number, number, number];
  return { rows: g.reshape(scores, [batch * tokens, words]), count: batch * tokens };
}

const meanOf = (g: GraphBuilder, x: Value, weights: Value): Value => g.div(g.reduceSum(g.mul(x, weights)), g.max(g.reduceSum(weights), 1));

const fit = { form: "any", channels: "any", space: "any" } as const;

export const maskedLanguage = featureLoss({
  name: "maskedLanguage",
  summary: "Which words were masked (masked language modelling): no labels, no teacher",
  paper: "Devlin et al., 2018, arXiv:1810.04805",
  weight: 1,
  numbers: {},
  /** The share of each text's words that are masked, for all losses beside it too. */
  options: { probability: z.number().positive().max(1).default(MASKED_SHARE) },
  pairs: "mlm",
  needsTeacher: false,
  fit,
  build: overPairs(({ g, tokenLabels }, { student }) => maskedLanguageLoss(g, student, tokenLabels())),
});

export const wordKd = featureLoss({
  name: "wordKd",
  summary: "The teacher's probabilities of the word at each token, softened (DistilBERT)",
  paper: "Sanh et al., 2019, arXiv:1910.01108",
  weight: 1,
  numbers: { temperature: temperatureOption.default(2) },
  /** Which tokens count: all that are no padding, or those that are masked. */
  options: { tokens: z.enum(["all", "masked"]).default("all") },
  pairs: "mlm",
  fit,
  build: overPairs(({ g, mask, tokenLabels, numbers, options }, { student, teacher }) => {
    const kept = options.tokens === "masked" ? g.cast(g.greaterOrEqual(tokenLabels(), 0), student.type) : mask;
    return wordKdLoss(g, student, teacher, numbers.temperature, kept);
  }),
});
