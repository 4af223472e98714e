import { attention } from "./attention.ts";
import { crossEntropy } from "./cross-entropy.ts";
import { dist } from "./dist.ts";
import { dkd } from "./dkd.ts";
import { jsd } from "./jsd.ts";
import { kd } from "./kd.ts";
import { kdMean, mseLogits, softCrossEntropy, tinybertPrediction } from "./kd-variants.ts";
import type { LossDefinition } from "./loss.ts";
import { multiLevel } from "./multi-level.ts";
import { ofa, ofaStages } from "./ofa.ts";
import { virtualTeacher } from "./virtual-teacher.ts";

/** Every loss that a recipe can name. A new one is its file, and its line here. */
export const lossTable = {
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
  attention,
  tinybertPrediction,
} as const satisfies Readonly<Record<string, LossDefinition>>;

export type LossTable = typeof lossTable;
export type LossName = keyof LossTable;
