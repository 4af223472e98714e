import type { Progress } from "../data/progress.ts";
import { estimateOf, type LabellingEstimate, prepareLabelling } from "../distill/cache/label-ahead.ts";
import { type Plan, type Range, shardName } from "../distill/cache/plan.ts";
import type { ProgressEvents } from "../distill/environment.ts";
import type { Recipe } from "../distill/recipe/schema.ts";
import { nodeEnvironment } from "../run/environment.ts";
import { recipeForJobs } from "./job-environment.ts";
import { type Job, resultsOf } from "./jobs.ts";
import { rangeJob } from "./label-job.ts";
import { openShards } from "./open-store.ts";
import { fetchShards, type Workplace } from "./workplace.ts";

export interface LabelOptions {
  readonly relativeTo: string;
  readonly workplace: Workplace;
  /** Where the outputs are wanted in the end, if that is elsewhere than where jobs keep them. */
  readonly into?: string;
  /** Is told what it will take. @returns false to leave it at that. */
  readonly onEstimate?: (estimate: LabellingEstimate) => boolean;
  readonly onProgress?: ProgressEvents;
  readonly signal?: AbortSignal;
}

/**
 * Stores the outputs of a recipe's teachers as far as they aren't, each range of samples as a job of its own.
 *
 * @throws LimbeckError when the recipe has no teacher or caches none, and for whatever keeps a job from working.
 */
export async function labelInJobs(recipe: Recipe, { relativeTo, workplace, into, onEstimate, onProgress = {}, signal }: LabelOptions) {
  const { executor, findFiles, cache } = workplace;
  const asked = recipeForJobs(recipe);
  const shards = openShards(cache);
  const environment = { ...nodeEnvironment(asked, relativeTo, undefined, onProgress), shards };
  const labelling = await prepareLabelling(asked, environment);
  const missing = labelling.caches.map(({ missing: ranges }) => ranges);
  try {
    if (onEstimate) {
      const estimate = await estimateOf(labelling.caches, asked, shards, labelling.samples);
      if (!onEstimate({ ...estimate, seconds: estimate.seconds / executor.parallel })) return;
    }
  } finally {
    // The jobs have teachers of their own.
    await labelling.release();
  }
  const files = await findFiles(asked);
  const ranges = new Map<string, Range>();
  const jobs = missing.flatMap((list, teacher) =>
    list.map((range): Job => {
      const job = rangeJob(asked, files, teacher, range);
      ranges.set(job.key, range);
      return job;
    }),
  );
  const counted = counter(
    [...ranges.values()].reduce((sum, { count }) => sum + count, 0),
    onProgress.onLabel,
  );
  // What is missing is done again, whatever was said of it before.
  const finished = await executor.run(jobs, {
    again: true,
    signal,
    onResult: ({ job, error }) => error ?? counted(ranges.get(job.key)?.count ?? 0),
  });
  resultsOf(finished);
  if (into !== undefined)
    await fetchShards(
      labelling.caches.flatMap(({ plan }) => shardNames(plan)),
      cache,
      into,
    );
}

const shardNames = ({ outputs, ranges }: Plan): readonly string[] =>
  ranges.flatMap((range) => outputs.map((output) => shardName(output, range)));

function counter(total: number, onLabel: ((event: Progress) => void) | undefined) {
  const began = performance.now();
  let done = 0;
  return (count: number): void => {
    done += count;
    const samplesPerSecond = (1000 * done) / (performance.now() - began);
    onLabel?.({ done, total, samplesPerSecond, secondsLeft: (total - done) / samplesPerSecond });
  };
}
