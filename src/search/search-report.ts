import type { Versions } from "./jobs.ts";
import type { MethodOptions } from "./methods.ts";
import type { Domain } from "./space.ts";
import type { Trial } from "./trial.ts";

export type SearchKind = "temperature" | "weights" | "recipe";

/** The plain data of `search.json`. */
export interface SearchReport {
  readonly limbeck: { readonly search: 1 };
  readonly kind: SearchKind;
  /** As it was written. */
  readonly recipe: unknown;
  readonly dimensions: readonly { readonly key: string; readonly domain: Domain }[];
  readonly method: MethodOptions;
  readonly seeds: number;
  readonly trials: readonly Trial[];
  /** The place among the trials of the one that did best on the validation samples. */
  readonly chosen: number;
  /** On the test samples, which nothing was chosen by: the chosen recipe, trained once more. */
  readonly test?: { readonly accuracy: number; readonly teacher?: number; readonly baseline?: number };
  readonly versions: Versions;
  /** Wall time of the search, without the last run; of what had been done before, nothing. */
  readonly seconds: number;
}

/** The trials from best to worst: with more epochs before those with fewer, failed ones last. */
export function ranked({ trials }: Pick<SearchReport, "trials">): readonly Trial[] {
  const worst = Number.NEGATIVE_INFINITY;
  return trials.toSorted(
    (a, b) =>
      b.epochs - a.epochs ||
      (b.accuracy ?? worst) - (a.accuracy ?? worst) ||
      (a.loss ?? Number.MAX_VALUE) - (b.loss ?? Number.MAX_VALUE) ||
      0,
  );
}

/** A value of a trial for people. */
export const valueText = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
