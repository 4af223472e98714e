import { LimbeckError } from "../errors.ts";
import { type Method, type Proposal, ranking, type Score } from "./method.ts";
import { randomPoints } from "./random.ts";
import type { Dimension, Point } from "./space.ts";

/** So many of the trials of a rung, and all of their epochs, go on to the next. */
export const REDUCTION = 3;

export interface Rung {
  readonly trials: number;
  readonly epochs: number;
}

/**
 * The rungs of successive halving: each has a third of the trials of the one before it, with three times the epochs; the last has those of the
 * recipe.
 */
export function rungsOf(trials: number, epochs: number): readonly Rung[] {
  const steps = Math.floor(Math.min(logarithm(trials), logarithm(epochs)) + 1e-9);
  return Array.from({ length: steps + 1 }, (_, rung) => ({
    trials: Math.max(1, Math.floor(trials / REDUCTION ** rung)),
    epochs: Math.max(1, Math.round(epochs / REDUCTION ** (steps - rung))),
  }));
}

const logarithm = (value: number): number => Math.log(value) / Math.log(REDUCTION);

/** The epochs of all rungs' trials together. */
export function costOf(rungs: readonly Rung[]): number {
  return rungs.reduce((sum, { trials, epochs }) => sum + trials * epochs, 0);
}

/** The most trials, up to some, that cost no more than a budget of epochs. @throws LimbeckError when it isn't enough for one. */
export function trialsWithin(budget: number, epochs: number, most: number): number {
  for (let trials = most; trials >= 1; trials--) if (costOf(rungsOf(trials, epochs)) <= budget) return trials;
  throw new LimbeckError(`A budget of ${budget} epochs is less than one trial takes (${epochs}).`, {
    hint: "Raise --budget, or lower epochs.",
  });
}

export interface HalvingOptions {
  readonly trials: number;
  readonly seed: number;
  /** Of the recipe. */
  readonly epochs: number;
}

/**
 * Successive halving (Jamieson and Talwalkar, 2016), in the rungs of Li et al. (2018): of random points the better third goes on. A trial that
 * goes on begins again, with its schedules over more epochs: what is cut off in the middle of a schedule says little about its end.
 */
export function* halving(dimensions: readonly Dimension[], { trials, seed, epochs }: HalvingOptions): Method {
  let points = randomPoints(dimensions, { trials, seed });
  for (const rung of rungsOf(points.length, epochs)) {
    points = points.slice(0, rung.trials);
    const scores: readonly Score[] = yield points.map((point) => ({ point, epochs: rung.epochs }));
    points = ranking(scores).map((place) => points[place] as Point);
  }
}

/** Successive halving that waits for no rung to be complete; what it proposes depends on what ends first. */
export interface Asha {
  /** The next to try; "wait" while that depends on what is under way; nothing when all is done. */
  next(): Proposal | "wait" | undefined;
  tell(proposal: Proposal, score: Score): void;
}

/** ASHA (Li, Jamieson, Rostamizadeh et al., 2018, "A System for Massively Parallel Hyperparameter Tuning"), algorithm 2. */
export function asha(dimensions: readonly Dimension[], { trials, seed, epochs }: HalvingOptions): Asha {
  const fresh = [...randomPoints(dimensions, { trials, seed })];
  const rungs = rungsOf(fresh.length, epochs).map(({ epochs: length }) => ({
    epochs: length,
    done: [] as { readonly point: Point; readonly score: Score }[],
    promoted: new Set<Point>(),
  }));
  let underWay = 0;
  const promotable = (): Proposal | undefined => {
    for (let rung = rungs.length - 2; rung >= 0; rung--) {
      const { done, promoted } = rungs[rung] as (typeof rungs)[number];
      const best = ranking(done.map(({ score }) => score)).slice(0, Math.floor(done.length / REDUCTION));
      const point = best.map((place) => done[place]?.point as Point).find((candidate) => !promoted.has(candidate));
      if (point) {
        promoted.add(point);
        return { point, epochs: rungs[rung + 1]?.epochs };
      }
    }
    return undefined;
  };
  return {
    next: () => {
      const proposal = promotable() ?? (fresh.length > 0 ? { point: fresh.shift() as Point, epochs: rungs[0]?.epochs } : undefined);
      if (proposal) underWay++;
      return proposal ?? (underWay > 0 ? "wait" : undefined);
    },
    tell: ({ point, epochs: length }, score) => {
      underWay--;
      rungs.find((rung) => rung.epochs === length)?.done.push({ point, score });
    },
  };
}
