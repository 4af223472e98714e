import type { BalanceRule, ByTerm } from "./rule.ts";

export interface GradientNormOptions {
  /** Steps between measurements. */
  readonly every: number;
  /** How much of the former mean stays at each measurement, at least 0 and below 1. */
  readonly smoothing: number;
}

/** The moving mean of each term's gradient norm; what was zero or not finite is left out. */
type Norms = ByTerm;

/**
 * Makes the norms of the weighted gradients proportional to the recipe's weights: in the manner of GradNorm (Chen et al., 2018,
 * arXiv:1711.02257).
 *
 *     mᵢ ← smoothing·mᵢ + (1 − smoothing)·‖gᵢ‖   at each measurement; at the first, mᵢ ← ‖gᵢ‖
 *     factorᵢ = m̄/mᵢ,  m̄ = Σ wⱼ·mⱼ / Σ wⱼ
 *
 * so that wᵢ·factorᵢ·mᵢ = wᵢ·m̄, and the weighted norms sum to what they would be without factors. GradNorm learns its weights by gradient
 * descent, from the norms at the last layer that the tasks share, and gives slower tasks more; here weights follow at once, from the norms
 * over all parameters, in the proportion asked for.
 */
export function gradientNorms({ every, smoothing }: GradientNormOptions): BalanceRule<Norms> {
  return {
    initial: {},
    every,
    measured: (means, norms) => {
      const usable = Object.entries(norms).filter(([, norm]) => norm > 0 && Number.isFinite(norm));
      return { ...means, ...Object.fromEntries(usable.map(([term, norm]) => [term, mixed(means[term], norm, smoothing)])) };
    },
    factors: (means, weights) => {
      const known = Object.entries(weights).filter(([term]) => means[term] !== undefined);
      const whole = known.reduce((sum, [, weight]) => sum + weight, 0);
      const mean = known.reduce((sum, [term, weight]) => sum + weight * (means[term] as number), 0) / whole;
      return Object.fromEntries(
        Object.keys(weights).map((term) => [term, whole > 0 && means[term] !== undefined ? mean / means[term] : 1]),
      );
    },
  };
}

function mixed(former: number | undefined, norm: number, smoothing: number): number {
  return former === undefined ? norm : smoothing * former + (1 - smoothing) * norm;
}
