import { ab } from "./ab.ts";
import { attention } from "./attention.ts";
import { attentionScores } from "./attention-scores.ts";
import { cc } from "./cc.ts";
import { contrastive } from "./contrastive.ts";
import { cosine } from "./cosine.ts";
import { crd } from "./crd.ts";
import { crossEntropy } from "./cross-entropy.ts";
import { cwd } from "./cwd.ts";
import { dist } from "./dist.ts";
import { dkd } from "./dkd.ts";
import { factor } from "./factor.ts";
import { fsp } from "./fsp.ts";
import { hiddenCosine, hiddenMse } from "./hidden.ts";
import { hint } from "./hint.ts";
import { jsd } from "./jsd.ts";
import { kd } from "./kd.ts";
import { kdMean, mseLogits, softCrossEntropy, tinybertPrediction } from "./kd-variants.ts";
import type { LossDefinition } from "./loss.ts";
import { maskedLanguage, wordKd } from "./masked-language.ts";
import { miniLm, miniLmV2 } from "./minilm.ts";
import { multiLevel } from "./multi-level.ts";
import { nst } from "./nst.ts";
import { ofa, ofaStages } from "./ofa.ts";
import { pkd } from "./pkd.ts";
import { pkt } from "./pkt.ts";
import { review } from "./review.ts";
import { rkdAngle, rkdDistance } from "./rkd.ts";
import { similarity } from "./similarity.ts";
import { triplet } from "./triplet.ts";
import { vid } from "./vid.ts";
import { virtualTeacher } from "./virtual-teacher.ts";

/** Every loss that a recipe can name. A new one is its file, and its line here. */
export const lossTable = {
  // On logits.
  crossEntropy,
  kd,
  kdMean,
  softCrossEntropy,
  mseLogits,
  dkd,
  dist,
  multiLevel,
  jsd,
  ofa,
  ofaStages,
  virtualTeacher,
  // On feature maps.
  hint,
  attention,
  nst,
  fsp,
  ab,
  factor,
  similarity,
  vid,
  cwd,
  review,
  // On what a batch's samples are to each other.
  rkdDistance,
  rkdAngle,
  pkt,
  cc,
  crd,
  contrastive,
  cosine,
  triplet,
  // On transformers' tokens.
  hiddenMse,
  hiddenCosine,
  pkd,
  attentionScores,
  miniLm,
  miniLmV2,
  tinybertPrediction,
  maskedLanguage,
  wordKd,
} as const satisfies Readonly<Record<string, LossDefinition>>;

export type LossTable = typeof lossTable;
export type LossName = keyof LossTable;
