import { permutation, type Random, randomFor } from "../random.ts";
import { gridPoints } from "./grid.ts";
import type { Method } from "./method.ts";
import { countOf, type Dimension, draw, type Point } from "./space.ts";

/** A space with no more points is listed, and shuffled. */
const MOST_LISTED = 10_000;
const TRIES = 1000;

/** Points drawn uniformly, none of them twice. */
export interface Sampler {
  /** Nothing where there is no other. */
  next(): Point | undefined;
  /** Says that a point has been tried; whether it hadn't been. */
  take(point: Point): boolean;
}

export function sampler(dimensions: readonly Dimension[], random: Random): Sampler {
  const taken = new Set<string>();
  const take = (point: Point): boolean => {
    const before = taken.size;
    return taken.add(point.join()).size > before;
  };
  const size = dimensions.reduce((product, { domain }) => product * countOf(domain), 1);
  const listed = size <= MOST_LISTED ? gridPoints(dimensions) : undefined;
  const order = listed && permutation(listed.length, random);
  let place = 0;
  return {
    take,
    next: () => {
      if (listed && order) {
        for (; place < order.length; place++) {
          const point = listed[order[place] as number] as Point;
          if (take(point)) return point;
        }
        return undefined;
      }
      for (let tries = 0; tries < TRIES; tries++) {
        const point = dimensions.map(({ domain }) => draw(domain, random));
        if (take(point)) return point;
      }
      return undefined;
    },
  };
}

/** As many different points as asked for, or all there are. */
export function randomPoints(dimensions: readonly Dimension[], { trials, seed }: { trials: number; seed: number }): readonly Point[] {
  const { next } = sampler(dimensions, randomFor(seed, RANDOM));
  const points: Point[] = [];
  for (let point = next(); point && points.length < trials; point = next()) points.push(point);
  return points;
}

const RANDOM = 0x52616e64;

/** Random search (Bergstra and Bengio, 2012). */
export function* random(dimensions: readonly Dimension[], options: { readonly trials: number; readonly seed: number }): Method {
  yield randomPoints(dimensions, options).map((point) => ({ point }));
}
