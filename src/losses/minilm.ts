import { LimbeckError } from "../errors.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { count } from "../options.ts";
import { requireHeads } from "./attention-scores.ts";
import { type FeaturePair, featureLoss } from "./loss.ts";
import { meanOverSamples } from "./tokens.ts";
import { requireTokens } from "./vectors.ts";

/*
 * MiniLM: Wang et al., 2020 (arXiv:2002.10957), and MiniLMv2: Wang et al., 2021 (arXiv:2012.15828): what the tokens of one attention, the
 * last, are to each other. Of each sample padding is cut away, as in Bloomberg's implementation, and every sample counts the same.
 */

/**
 * Mean over samples, heads and tokens of KL(softmax(teacher) ‖ softmax(student)) over the tokens that these look at.
 *
 * @param student Scores [B, heads, T, T] @param teacher The same. @param mask [B, T], 1 for tokens and 0 for padding.
 * @returns A scalar, in nats.
 * @throws LimbeckError when these are no scores of as many heads.
 */
export function attentionDivergence(g: GraphBuilder, student: Value, teacher: Value, mask?: Value): Value {
  requireHeads("MiniLM", student, teacher);
  const [logP, logQ] = [teacher, student].map((scores) => g.logSoftmax(hidePadding(g, scores, mask))) as [Value, Value];
  const divergence = g.reduceSum(g.mul(g.exp(logP), g.sub(logP, logQ)), { axes: [3] });
  return meanOverSamples(g, g.reduceMean(divergence, { axes: [1] }), mask);
}

/** Low enough for softmax to give 0, and high enough to be subtracted. */
const HIDDEN = -1e5;

function hidePadding(g: GraphBuilder, scores: Value, mask?: Value): Value {
  // Exporters may have hidden padding by minus infinity.
  const finite = g.max(scores, HIDDEN);
  return mask ? g.add(finite, g.unsqueeze(g.mul(g.sub(1, g.cast(mask, scores.type)), HIDDEN), [1, 2])) : finite;
}

/**
 * `attentionDivergence` of relations: the products of tokens with each other, x·xᵀ/√d in each head, d its features.
 *
 * @param student [B, T, D] @param teacher [B, T, D'] @param heads Number of relation heads, which divides D and D'.
 * @param mask [B, T], 1 for tokens and 0 for padding.
 * @returns A scalar, in nats.
 * @throws LimbeckError when heads can't share the features.
 */
export function relationLoss(g: GraphBuilder, student: Value, teacher: Value, heads: number, mask?: Value): Value {
  requireTokens("MiniLM", student, teacher);
  return attentionDivergence(g, relations(g, student, heads), relations(g, teacher, heads), mask);
}

function relations(g: GraphBuilder, x: Value, heads: number): Value {
  const [batch, tokens, width] = x.shape.map(Number) as [number, number, number];
  const features = width / heads;
  if (!Number.isInteger(features)) {
    throw new LimbeckError(`The ${width} features of "${x.name}" can't be shared out among ${heads} relation heads.`, {
      hint: "Give `relationHeads` that divide the features of both networks.",
    });
  }
  const byHead = g.transpose(g.reshape(x, [batch, tokens, heads, features]), [0, 2, 1, 3]);
  return g.matMul(byHead, byHead, { transposeB: true, alpha: 1 / Math.sqrt(features) });
}

const of = (rank: number) => (pair: FeaturePair) => pair.student.shape.length === rank;

export const miniLm = featureLoss({
  name: "miniLm",
  summary: "What the last attention looks at, and how its values relate (MiniLM)",
  paper: "Wang et al., 2020, arXiv:2002.10957",
  weight: 1,
  numbers: {},
  options: {},
  pairs: "lastAttention",
  parts: ["scores", "value"],
  fit: { form: "any", channels: "any", space: "any" },
  build: ({ g, pairs, mask }) => {
    const [attentions, values] = [pairs.filter(of(4)), pairs.filter(of(3))];
    const heads = Number(attentions[0]?.student.shape[1]);
    if (attentions.length === 0 || values.length === 0) {
      throw new LimbeckError(
        "MiniLM takes the scores [batch, heads, tokens, tokens] of an attention, and its values [batch, tokens, features].",
      );
    }
    return g.sum(
      ...attentions.map(({ student, teacher }) => attentionDivergence(g, student, teacher, mask)),
      ...values.map(({ student, teacher }) => relationLoss(g, student, teacher, heads, mask)),
    );
  },
});

export const miniLmV2 = featureLoss({
  name: "miniLmV2",
  summary: "How the queries, keys and values of an attention relate, for any number of heads (MiniLMv2)",
  paper: "Wang et al., 2021, arXiv:2012.15828",
  weight: 1,
  numbers: {},
  options: {
    /** It divides the features of both networks. */
    relationHeads: count.default(48),
  },
  pairs: "lastAttention",
  parts: ["query", "key", "value"],
  fit: { form: "tokens", channels: "any", space: "same" },
  build: ({ g, pairs, options, mask }) => {
    const losses = pairs.map(({ student, teacher }) => relationLoss(g, student, teacher, options.relationHeads, mask));
    return g.mul(g.sum(...losses), 1 / losses.length);
  },
});
