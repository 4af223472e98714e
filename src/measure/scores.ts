import {
  brierScore,
  expectedCalibrationError,
  negativeLogLikelihood,
  type ReliabilityBin,
  reliabilityBins,
  type TemperatureScaling,
  temperatureScaling,
} from "./calibration.ts";
import { accuracy, type Classified, confusionMatrix, topAccuracy } from "./classification.ts";
import { matthewsCorrelation } from "./correlation.ts";
import { classScores } from "./per-class.ts";

/** How good a classifier's answers are, and its probabilities. */
export interface Scores {
  /** Fraction of 1. */
  readonly accuracy: number;
  /** Fraction of samples whose label is among the five highest logits; absent where there are no more classes than that. */
  readonly topFive?: number;
  /** Mean of −ln p(label), in nats. */
  readonly crossEntropy: number;
  /** 0 to 2. */
  readonly brier: number;
  /** Expected calibration error of the bins below. */
  readonly calibrationError: number;
  readonly reliability: readonly ReliabilityBin[];
  readonly scaling?: TemperatureScaling;
  /** Of two classes: F1 of the second, 0 to 1, and Matthews' correlation, −1 to 1. */
  readonly binary?: { readonly f1: number; readonly matthews: number };
}

export function scoresOf(classified: Classified): Scores {
  const reliability = reliabilityBins(classified);
  return {
    accuracy: accuracy(classified),
    topFive: classified.logits.length > 5 * classified.labels.length ? topAccuracy(classified, 5) : undefined,
    crossEntropy: negativeLogLikelihood(classified),
    brier: brierScore(classified),
    calibrationError: expectedCalibrationError(reliability),
    reliability,
    scaling: temperatureScaling(classified),
    binary: classified.logits.length === 2 * classified.labels.length ? binaryScores(classified) : undefined,
  };
}

function binaryScores(classified: Classified): Scores["binary"] {
  const confusion = confusionMatrix(classified);
  return { f1: classScores(confusion)[1]?.f1 ?? 0, matthews: matthewsCorrelation(confusion) };
}
