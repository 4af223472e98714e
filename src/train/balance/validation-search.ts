import type { BalanceRule, ByTerm } from "./rule.ts";

export interface ValidationSearchOptions {
  /** The terms that learn from a teacher; the others learn from labels. */
  readonly soft: ReadonlySet<string>;
  /** How far the search goes at first, in powers of two. */
  readonly step: number;
}

/** Where the search is. */
export interface Search {
  /** log₂ of what the ratio of soft to hard weights is multiplied by. */
  readonly ratio: number;
  readonly step: number;
  readonly direction: 1 | -1;
  /** The validation loss after the last epoch, and what that epoch gained. */
  readonly loss?: number;
  readonly gain?: number;
  /** The factor of the hard weights. */
  readonly hard: number;
}

/** Factors of weights stay within [1/8, 8]. */
const FURTHEST = 3;
/** Below this a search would stand still, and could not follow a run that changes. */
const SMALLEST_STEP = 1 / 8;

/**
 * Moves the ratio of soft to hard weights by what the epochs gain on validation: a pattern search (Hooke and Jeeves, 1961).
 *
 *     gainₑ = e·ln(Vₑ₋₁/Vₑ)        Vₑ: the loss of the hard labels on validation after epoch e
 *
 * After each epoch from the second on, log₂ ratio moves by one step, within [−3, 3], at first towards the soft weights. Before that, from
 * the third epoch on, a gain below the former one turns the direction around and halves the step, to 1/8 at the least. Gains are compared
 * rather than losses, since nearly every epoch lowers the loss whatever the weights; times e, since where a loss falls as a power of time
 * an epoch's part of it falls as 1/e.
 *
 * Hard weights are multiplied by c, soft ones by c·2^ratio, with c such that the weighted sum of the last epoch's mean terms (their
 * absolute values) is what the recipe's own weights make it.
 */
export function validationSearch({ soft, step }: ValidationSearchOptions): BalanceRule<Search> {
  return {
    initial: { ratio: 0, step, direction: 1, hard: 1 },
    epochDone: (search, { epoch, terms, weights, validationLoss }) => {
      const next = moved(search, epoch, validationLoss);
      const values = (isSoft: boolean) => sumOf(terms, weights, (term) => soft.has(term) === isSoft);
      const [hard, taught] = [values(false), values(true)];
      const factor = (hard + taught) / (hard + taught * 2 ** next.ratio);
      return { ...next, hard: factor > 0 && Number.isFinite(factor) ? factor : 1 };
    },
    factors: ({ ratio, hard }, weights) =>
      Object.fromEntries(Object.keys(weights).map((term) => [term, soft.has(term) ? hard * 2 ** ratio : hard])),
  };
}

/** Where the search is after an epoch with this validation loss; a loss that is no positive number says nothing. */
function moved(search: Search, epoch: number, loss: number | undefined): Search {
  if (loss === undefined || !(loss > 0 && Number.isFinite(loss))) return search;
  if (search.loss === undefined) return { ...search, loss };
  const gain = epoch * Math.log(search.loss / loss);
  const isWorse = search.gain !== undefined && gain < search.gain;
  const direction = isWorse ? (-search.direction as 1 | -1) : search.direction;
  const step = isWorse ? Math.max(search.step / 2, SMALLEST_STEP) : search.step;
  const ratio = Math.min(FURTHEST, Math.max(-FURTHEST, search.ratio + direction * step));
  return { ...search, loss, gain, direction, step, ratio };
}

function sumOf(terms: ByTerm, weights: ByTerm, counts: (term: string) => boolean): number {
  return Object.entries(weights).reduce(
    (sum, [term, weight]) => (counts(term) ? sum + Math.abs(weight * (terms[term] as number)) : sum),
    0,
  );
}
