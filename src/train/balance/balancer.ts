import type { Feeds } from "../../runtime/runtime.ts";
import type { State } from "../trainer.ts";
import { type GradientMeter, type GradientProducts, normsOf, sharesOf, weightOf } from "./gradient-shares.ts";
import type { BalanceRule, ByTerm, EpochSeen } from "./rule.ts";
import { uncertaintyFactor } from "./uncertainty.ts";

export interface BalancerOptions {
  readonly terms: readonly string[];
  /** For shares, and rules that measure gradients. */
  readonly meter?: GradientMeter;
  /** Whether the shares of the gradient are measured at each epoch's last step. */
  readonly shares?: boolean;
  /** Without one, weights stay the recipe's. */
  readonly rule?: BalanceRule<unknown>;
}

/** A step that is about to be taken. */
export interface Upcoming {
  /** Steps taken before it. */
  readonly taken: number;
  readonly endsEpoch: boolean;
  readonly batch: Feeds;
  /** What the schedules feed it. */
  readonly scalars: ByTerm;
  readonly state: () => Promise<State>;
  /** Tokens of each sample, where they are texts. */
  readonly length?: number;
}

/** How much each term of an objective counted, at the last step of an epoch. */
export interface Counted {
  /** The weights that took effect. */
  readonly weights: ByTerm;
  /** The shares of the gradient (`sharesOf`). */
  readonly shares?: ByTerm;
}

/** Weighs the terms of an objective as a run goes, and watches what each contributes to it. */
export interface Balancer {
  /** @returns The weights for the step, as scalars to feed it. */
  weigh(step: Upcoming): Promise<ByTerm>;
  /** @returns What was seen at the epoch's last step. */
  epochDone(seen: Omit<EpochSeen, "weights">): Counted;
  /** What a run that goes on from here must know: plain data. */
  readonly memory: unknown;
}

/** @param memory What an earlier balancer of the same run remembered. */
export function balancer({ terms, meter, shares = false, rule }: BalancerOptions, memory: unknown = rule?.initial): Balancer {
  let remembered = memory;
  let recipes: ByTerm = {};
  let counted: Counted = { weights: {} };
  return {
    weigh: async ({ taken, endsEpoch, batch, scalars, state, length }) => {
      const isMeasured = rule?.every !== undefined && taken % rule.every === 0;
      let products: GradientProducts | undefined;
      if (meter && (isMeasured || (shares && endsEpoch))) products = await meter.measure(batch, scalars, await state(), length);
      if (products && isMeasured) remembered = rule?.measured?.(remembered, normsOf(products)) ?? remembered;
      recipes = Object.fromEntries(terms.map((term) => [term, scalars[weightOf(term)] as number]));
      const factors = rule?.factors(remembered, recipes);
      const weights = factors ? scaled(recipes, factors) : recipes;
      if (endsEpoch) {
        const current = await state();
        const inEffect = scaled(weights, Object.fromEntries(terms.map((term) => [term, uncertaintyFactor(current, term)])));
        counted = { weights: asScalars(inEffect), shares: products && shares ? sharesOf(products, weights) : undefined };
      }
      return asScalars(weights);
    },
    epochDone: (seen) => {
      remembered = rule?.epochDone?.(remembered, { ...seen, weights: recipes }) ?? remembered;
      return counted;
    },
    get memory() {
      return remembered;
    },
  };
}

function scaled(weights: ByTerm, factors: ByTerm): ByTerm {
  return Object.fromEntries(Object.entries(weights).map(([term, weight]) => [term, weight * (factors[term] as number)]));
}

function asScalars(weights: ByTerm): ByTerm {
  return Object.fromEntries(Object.entries(weights).map(([term, weight]) => [weightOf(term), weight]));
}
