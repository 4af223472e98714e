import { LimbeckError } from "../errors.ts";
import type { Method } from "./method.ts";
import { type Dimension, gridOf, type Point } from "./space.ts";

/** More is a mistake. */
const MOST_POINTS = 10_000;
/** Of a range without steps. */
export const POINTS = 5;

/**
 * Every combination of values, the last dimension's changing first.
 *
 * @param points Of a range without steps, evenly spaced, or by the same factor where it is logarithmic.
 * @throws LimbeckError when there are more than 10,000.
 */
export function gridPoints(dimensions: readonly Dimension[], points = POINTS): readonly Point[] {
  const axes = dimensions.map(({ domain }) => gridOf(domain, points));
  const count = axes.reduce((product, axis) => product * axis.length, 1);
  if (count > MOST_POINTS) {
    throw new LimbeckError(`The grid has ${count.toLocaleString("en-US")} points.`, {
      hint: "Leave out some, or use --method tpe or random.",
    });
  }
  return axes.reduce<readonly Point[]>((before, axis) => before.flatMap((point) => axis.map((value) => [...point, value])), [[]]);
}

/** Tries each point of the grid. */
export function* grid(dimensions: readonly Dimension[], points?: number): Method {
  yield gridPoints(dimensions, points).map((point) => ({ point }));
}
