import type { Value } from "../../graph/graph.ts";
import { float32 } from "../../graph/tensor.ts";
import type { LossParts } from "../../losses/loss.ts";
import { OF_LOSS } from "../step.ts";
import type { State } from "../trainer.ts";

const LOG_VARIANCE = "uncertainty";

/**
 * A term weighed by how uncertain it is: Kendall, Gal and Cipolla, 2018 (arXiv:1705.07115).
 *
 *     weight·(exp(−s)·loss + s)
 *
 * s = log σ² begins at 0 and is trained with the student; it settles where exp(s) = loss. The paper has log σ = s/2 in place of s, which
 * at the optimum is a factor of 2 on every term.
 */
export function weighedByUncertainty({ g, parameter }: LossParts, loss: Value, weight: Value): Value {
  const s = g.reshape(parameter(LOG_VARIANCE, float32([0])), []);
  return g.mul(weight, g.add(g.mul(g.exp(g.neg(s)), loss), s));
}

/** The factor of a term's weight in a step's state: exp(−s), or 1 where it is not weighed so. */
export function uncertaintyFactor(state: State, term: string): number {
  return Math.exp(-(state.get(`${OF_LOSS}${term}/${LOG_VARIANCE}`)?.data[0] ?? 0));
}
