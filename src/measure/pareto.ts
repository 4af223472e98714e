/** What it costs to be a point, in each respect; less is better. */
export type Costs = readonly number[];

/** Whether `a` is no worse than `b` in any respect, and better in one. */
export function dominates(a: Costs, b: Costs): boolean {
  return a.every((cost, place) => cost <= (b[place] as number)) && a.some((cost, place) => cost < (b[place] as number));
}

/**
 * The Pareto front: which points no other point dominates. Equal points are on it together; a point with a cost that isn't a number is
 * neither on it nor keeps others from it.
 *
 * @returns For each point, whether it is on the front.
 */
export function paretoFront(points: readonly Costs[]): readonly boolean[] {
  const known = points.filter((costs) => !costs.some(Number.isNaN));
  return points.map((costs) => known.includes(costs) && !known.some((other) => dominates(other, costs)));
}
