import type { BalanceRule } from "./rule.ts";

export interface GradientNormOptions {
  /** Steps between measurements. */
  readonly every: number;
  /** How much of the former mean stays at a measurement, at most; at least 0 and below 1. */
  readonly smoothing: number;
}

/** The moving mean of each term's gradient norm, and of how many measurements it is. */
type Norms = Readonly<Record<string, { readonly mean: number; readonly times: number }>>;

/**
 * Makes the norms of the weighted gradients proportional to the recipe's weights: in the manner of GradNorm (Chen et al., 2018,
 * arXiv:1711.02257).
 *
 *     mᵢ ← kept·mᵢ + (1 − kept)·‖gᵢ‖   at the t-th measurement, kept = min(smoothing, 1 − 1/t)
 *     factorᵢ = m̄/mᵢ,  m̄ = Σ wⱼ·mⱼ / Σ wⱼ
 *
 * so that wᵢ·factorᵢ·mᵢ = wᵢ·m̄, and the weighted norms sum to what they would be without factors. A norm that is zero or not finite does
 * not count; until a term has one, its factor is 1. GradNorm learns its weights by gradient descent, from the norms at the last layer that
 * the tasks share, and gives slower tasks more; here weights follow at once, from the norms over all parameters, in the proportion asked for.
 */
export function gradientNorms({ every, smoothing }: GradientNormOptions): BalanceRule<Norms> {
  return {
    initial: {},
    every,
    measured: (known, norms) => {
      const next = Object.entries(norms).flatMap(([term, norm]) => {
        if (!(norm > 0 && Number.isFinite(norm))) return [];
        const { mean, times } = known[term] ?? { mean: 0, times: 0 };
        const kept = Math.min(smoothing, 1 - 1 / (times + 1));
        return [[term, { mean: kept * mean + (1 - kept) * norm, times: times + 1 }] as const];
      });
      return { ...known, ...Object.fromEntries(next) };
    },
    factors: (known, weights) => {
      const measured = Object.entries(weights).flatMap(([term, weight]) => (known[term] ? [{ weight, mean: known[term].mean }] : []));
      const whole = measured.reduce((sum, { weight }) => sum + weight, 0);
      const mean = measured.reduce((sum, term) => sum + term.weight * term.mean, 0) / whole;
      return Object.fromEntries(Object.keys(weights).map((term) => [term, whole > 0 && known[term] ? mean / known[term].mean : 1]));
    },
  };
}
