import { type Random, randomFor } from "../random.ts";
import { type Method, type Proposal, ranking, type Score } from "./method.ts";
import { sampler } from "./random.ts";
import { alongOf, coordinateAt, type Dimension, type Domain, type Point } from "./space.ts";

export interface TpeOptions {
  readonly trials: number;
  readonly seed: number;
  /** Random ones, before what they showed is followed. */
  readonly startup?: number;
  /** Proposed at a time; fewer follow more closely what was found, more keep more processes busy. */
  readonly round?: number;
}

const TPE = 0x54706500;
const DEFAULTS = { startup: 10, round: 4 };
/** Of the trials, those that count as good. */
const GOOD = 0.25;
/** Drawn from what the good ones are like, for each proposal. */
const CANDIDATES = 24;

/**
 * The tree-structured Parzen estimator (Bergstra, Bardenet, Bengio and Kégl, 2011, "Algorithms for Hyper-Parameter Optimization"): of points
 * drawn from the density l(x) of the good trials, the one with the highest l(x)/g(x), g being the density of the others. Both are products
 * over the dimensions: mixtures of normal distributions around the trials and a wide one, cut to the range; of choices, frequencies. Rounds
 * of the same size whatever is idle, so that the outcome doesn't depend on the machine.
 */
export function* tpe(dimensions: readonly Dimension[], options: TpeOptions): Method {
  const { trials, seed, startup, round } = { ...DEFAULTS, ...options };
  const random = randomFor(seed, TPE);
  const { next, take } = sampler(dimensions, random);
  const points: Point[] = [];
  const scores: Score[] = [];
  while (points.length < trials) {
    const wanted = Math.min(points.length < startup ? startup - points.length : round, trials - points.length);
    const propose = points.length < startup ? next : proposer(dimensions, points, scores, random, { next, take });
    const proposals: Proposal[] = [];
    for (let point = propose(); point; point = proposals.length < wanted ? propose() : undefined) proposals.push({ point });
    if (proposals.length === 0) return;
    scores.push(...(yield proposals));
    points.push(...proposals.map(({ point }) => point));
  }
}

function proposer(
  dimensions: readonly Dimension[],
  points: readonly Point[],
  scores: readonly Score[],
  random: Random,
  { next, take }: Pick<ReturnType<typeof sampler>, "next" | "take">,
): () => Point | undefined {
  const ranked = ranking(scores).map((place) => points[place] as Point);
  const good = Math.ceil(GOOD * ranked.length);
  const estimators = dimensions.map(({ domain }, index) => {
    const values = ranked.map((point) => point[index] as number);
    return { good: estimator(domain, values.slice(0, good)), other: estimator(domain, values.slice(good)) };
  });
  return () => {
    const candidates = Array.from({ length: CANDIDATES }, () => {
      const point = estimators.map((of) => of.good.sample(random));
      const gain = estimators.reduce((sum, of, index) => {
        const value = point[index] as number;
        return sum + Math.log(of.good.density(value)) - Math.log(of.other.density(value));
      }, 0);
      return { point, gain };
    }).sort((a, b) => b.gain - a.gain);
    // What has been tried has nothing new to say.
    return candidates.find(({ point }) => take(point))?.point ?? next();
  };
}

interface Estimator {
  density(coordinate: number): number;
  sample(random: Random): number;
}

/** A density over a domain, from some coordinates. */
export function estimator(domain: Domain, coordinates: readonly number[]): Estimator {
  return "choices" in domain ? frequencies(domain.choices.length, coordinates) : mixture(domain, coordinates);
}

/** Each choice by how often it was made, as if each had been made once by all of them together. */
function frequencies(count: number, chosen: readonly number[]): Estimator {
  const weights = Array.from({ length: count }, (_, choice) => chosen.filter((one) => one === choice).length + 1 / count);
  const total = chosen.length + 1;
  return {
    density: (choice) => (weights[choice] as number) / total,
    sample: (random) => {
      let left = random.uniform() * total;
      const found = weights.findIndex((weight) => {
        left -= weight;
        return left < 0;
      });
      return found === -1 ? count - 1 : found;
    },
  };
}

interface Bump {
  readonly mean: number;
  readonly deviation: number;
  /** Of it, what lies within [0, 1]. */
  readonly mass: number;
}

/** Normal distributions along a range, around each coordinate as wide as the farther neighbour is away, and one as wide as the range. */
function mixture(domain: Extract<Domain, { readonly min: number }>, coordinates: readonly number[]): Estimator {
  const sorted = coordinates.map((value) => alongOf(domain, value)).sort((a, b) => a - b);
  const narrowest = 1 / Math.min(100, sorted.length + 2);
  const bumps: Bump[] = sorted.map((mean, index) => {
    const toNeighbours = [mean - (sorted[index - 1] ?? 0), (sorted[index + 1] ?? 1) - mean];
    return bump(mean, Math.min(1, Math.max(narrowest, ...toNeighbours)));
  });
  bumps.push(bump(0.5, 1));
  return {
    density: (coordinate) => {
      const along = alongOf(domain, coordinate);
      return (
        bumps.reduce((sum, { mean, deviation, mass }) => sum + normal((along - mean) / deviation) / (deviation * mass), 0) / bumps.length
      );
    },
    sample: (random) => {
      const { mean, deviation } = bumps[random.integer(0, bumps.length - 1)] as Bump;
      for (;;) {
        const along = mean + deviation * random.normal();
        if (along >= 0 && along <= 1) return coordinateAt(domain, along);
      }
    },
  };
}

function bump(mean: number, deviation: number): Bump {
  return { mean, deviation, mass: below((1 - mean) / deviation) - below(-mean / deviation) };
}

const normal = (z: number): number => Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);

/** The standard normal distribution's integral up to z, to 1e-7 (Abramowitz and Stegun, 26.2.17). */
function below(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const tail = normal(z) * t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return z >= 0 ? 1 - tail : tail;
}
