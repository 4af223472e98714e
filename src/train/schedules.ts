/** Where a run is. */
export interface Position {
  /** Optimiser steps taken so far, from 0. */
  readonly step: number;
  readonly totalSteps: number;
  /** Epochs begun, from 0; a whole number. */
  readonly epoch: number;
}

/** A number that changes during a run, as a function of where the run is. Fed to the step as a scalar, so nothing recompiles. */
export type Schedule = (position: Position) => number;

export const constant =
  (value: number): Schedule =>
  () =>
    value;

/** The value of the last key not beyond the current epoch: `{ 0: 10, 5: 5, 15: 3 }` is 10 until epoch 5, 5 until 15, then 3. */
export function steps(byEpoch: Readonly<Record<number, number>>): Schedule {
  const entries = Object.entries(byEpoch)
    .map(([epoch, value]) => [Number(epoch), value] as const)
    .sort(([a], [b]) => a - b);
  return ({ epoch }) => (entries.findLast(([from]) => from <= epoch) ?? entries[0])?.[1] as number;
}

/** Multiplied by `factor` at each milestone, from `from`: an epoch, or below 1 a fraction of the run. */
export const stepDecay =
  (from: number, milestones: readonly number[], factor: number): Schedule =>
  (position) =>
    from * factor ** milestones.filter((milestone) => milestone <= (milestone < 1 ? fraction(position) : position.epoch)).length;

/** Half a cosine from `from` down to `to` (Loshchilov and Hutter, 2016, arXiv:1608.03983, without restarts). */
export const cosine =
  (from: number, to = 0): Schedule =>
  (position) =>
    to + ((from - to) * (1 + Math.cos(Math.PI * fraction(position)))) / 2;

export const linear =
  (from: number, to: number): Schedule =>
  (position) =>
    from + (to - from) * fraction(position);

/** From `from` to `to`, by the same factor at each step; both positive. */
export const exponential =
  (from: number, to: number): Schedule =>
  (position) =>
    from * (to / from) ** fraction(position);

/**
 * One cycle (Smith and Topin, 2017, arXiv:1708.07120): from peak/`divisor` at the first step up to the peak over the first `rise` of the
 * run, then down to peak/(`divisor`·10⁴) at the last step, both along cosines, as in PyTorch's OneCycleLR.
 */
export const oneCycle =
  (peak: number, rise = 0.3, divisor = 25): Schedule =>
  ({ step, totalSteps }) => {
    const [top, last, start, end] = [rise * totalSteps - 1, totalSteps - 1, peak / divisor, peak / divisor / 1e4];
    const ease = (a: number, b: number, t: number) => a + ((b - a) * (1 - Math.cos(Math.PI * t))) / 2;
    if (step < top) return ease(start, peak, step / top);
    return last > top ? ease(peak, end, Math.min(1, (step - top) / (last - top))) : peak;
  };

/** Rises linearly from near 0 over the first `warmup` fraction of the run, then follows `schedule` over the rest. */
export function withWarmup(schedule: Schedule, warmup: number): Schedule {
  return (position) => {
    const rising = Math.round(warmup * position.totalSteps);
    if (position.step < rising) return (schedule({ ...position, step: 0 }) * (position.step + 1)) / rising;
    return schedule({ ...position, step: position.step - rising, totalSteps: position.totalSteps - rising });
  };
}

/** How much of the run is done, 0 at the first step and 1 after the last. */
function fraction({ step, totalSteps }: Position): number {
  return Math.min(1, step / Math.max(1, totalSteps));
}
