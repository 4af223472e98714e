/** What a probe costs, and may cost. */
export interface ProbeCost {
  /** Milliseconds for a sample, forward, on one thread. */
  readonly studentMs: number;
  readonly teacherMs: number;
  /** Of the data. */
  readonly train: number;
  readonly validation: number;
  /** Of the recipe. */
  readonly epochs: number;
  readonly batchSize: number;
  /** Runs for each seed, and of how many teachers. */
  readonly arms: number;
  readonly teachers: number;
  readonly seeds: number;
  /** Processes at a time. */
  readonly parallel: number;
  readonly budgetMs: number;
}

export interface RunSize {
  readonly samples: number;
  readonly epochs: number;
}

export interface ProbePlan {
  /** Of each run that is compared. */
  readonly arm: RunSize;
  /** Of the run that shows what the student reaches alone. */
  readonly reach: RunSize;
}

/** A step of training is this many forward passes: itself, backward twice as much, the update. */
const FORWARDS = 4;
/** What the runs that are compared may take of the budget; the rest is for the long one. */
const SHARE = 0.6;
const LEAST_STEPS = 8;
const LEAST_EPOCHS = 2;

/**
 * How long runs are so that all of them stay within the budget: the compared ones as long as asked, or with half of the samples, a quarter, ...,
 * and at last fewer epochs; the long one as the recipe has it, or with fewer epochs, and at last fewer samples. Sizes are halved, so that they
 * don't follow every whim of the clock.
 */
export function planProbe(cost: ProbeCost, asked: RunSize): ProbePlan {
  const { budgetMs, parallel, arms, seeds, teachers } = cost;
  const least = Math.min(cost.train, LEAST_STEPS * cost.batchSize);
  const runMs = ({ samples, epochs }: RunSize) => epochs * cost.studentMs * (FORWARDS * samples + cost.validation);
  const comparedMs = (size: RunSize) => (arms * seeds * runMs(size) + teachers * size.samples * cost.teacherMs) / parallel;
  let arm: RunSize = { samples: Math.min(asked.samples, cost.train), epochs: asked.epochs };
  while (comparedMs(arm) > SHARE * budgetMs && arm.samples > least) arm = { ...arm, samples: Math.max(least, arm.samples >> 1) };
  while (comparedMs(arm) > SHARE * budgetMs && arm.epochs > LEAST_EPOCHS) arm = { ...arm, epochs: Math.max(LEAST_EPOCHS, arm.epochs >> 1) };
  let reach: RunSize = { samples: cost.train, epochs: cost.epochs };
  // A single run, on one of the processes.
  const reachMs = (1 - SHARE) * budgetMs;
  while (runMs(reach) > reachMs && reach.epochs > arm.epochs) reach = { ...reach, epochs: Math.max(arm.epochs, reach.epochs >> 1) };
  while (runMs(reach) > reachMs && reach.samples > arm.samples) reach = { ...reach, samples: Math.max(arm.samples, reach.samples >> 1) };
  return { arm, reach };
}
