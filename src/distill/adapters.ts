import type { FeaturePair, Fit, LossParts } from "../losses/loss.ts";

export function fitPair(_parts: LossParts, _name: string, pair: FeaturePair, _fit: Fit): FeaturePair {
  return pair;
}
