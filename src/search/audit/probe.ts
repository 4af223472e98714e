import type { Recipe } from "../../distill/recipe/schema.ts";
import { epochsOf } from "../../distill/stages.ts";
import { LimbeckError } from "../../errors.ts";
import type { Job } from "../jobs.ts";
import { type Part, probeJob, probeOf } from "../probe-job.ts";
import { overEpochs } from "../trial.ts";
import type { Workplace } from "../workplace.ts";
import { aloneRecipe, armRecipe, type Taught } from "./arms.ts";
import { type Arm, differenceOf, type OtherArm, type Probe } from "./figures.ts";
import type { ProbePlan } from "./plan.ts";

export interface ProbeOptions {
  readonly recipe: Recipe;
  /** The student alone, by the audited teacher, then by others. */
  readonly taught: readonly [Taught, Taught, ...Taught[]];
  readonly plan: ProbePlan;
  readonly seeds: readonly number[];
  /** The most validation samples. */
  readonly validation: number;
  readonly budgetMs: number;
  readonly signal?: AbortSignal;
  /** Is told of each run that has ended. */
  readonly onRun?: (name: string, done: number, total: number) => void;
}

/** What the audited teacher says of the validation samples, and their labels. */
export interface Answers {
  readonly labels: ArrayLike<number>;
  readonly teacher: ArrayLike<number>;
  /** Of the other teachers, by name. */
  readonly accuracies: ReadonlyMap<string, number>;
}

/**
 * Trains short runs of a student: alone, and by each teacher, as jobs. What isn't done when the budget ends is given up.
 *
 * @returns Undefined when there was time for no seed.
 * @throws LimbeckError when a run fails.
 */
export async function probe(workplace: Workplace, options: ProbeOptions, answers: Answers): Promise<Probe | undefined> {
  const { taught, plan, seeds } = options;
  const runs = await runsOf(workplace, options);
  const found = await runAll(workplace, options, runs.jobs);
  const complete = seeds.filter((_, seed) => taught.every((_, arm) => found.has(runs.keyOf(arm, seed))));
  if (complete.length === 0) return undefined;
  const arms = taught.map((_, arm) =>
    armOf(
      complete.map((seed) => found.get(runs.keyOf(arm, seeds.indexOf(seed))) as readonly number[]),
      answers,
    ),
  );
  const [alone, byTeacher] = arms as [Arm, Arm];
  const samples = answers.labels.length;
  const reached = found.get(runs.reach);
  return {
    ...plan.arm,
    seeds: complete,
    alone,
    taught: { ...byTeacher, gain: differenceOf(byTeacher.accuracies, alone.accuracies, samples) },
    others: taught.slice(2).map(({ kind, name }, index): OtherArm => {
      const own = arms[index + 2] as Arm;
      const [gain, lead] = [alone, byTeacher].map((other) => differenceOf(own.accuracies, other.accuracies, samples)) as [
        OtherArm["gain"],
        OtherArm["lead"],
      ];
      return { kind: kind as OtherArm["kind"], name, teacherAccuracy: answers.accuracies.get(name), ...own, gain, lead };
    }),
    reach: reached && { ...plan.reach, accuracy: accuracyOf(reached, answers.labels) },
    isCutShort: complete.length < seeds.length || !reached,
  };
}

/** All runs as jobs: first what each seed needs, the long one among the first. */
async function runsOf({ findFiles }: Workplace, { recipe, taught, plan, seeds, validation }: ProbeOptions) {
  const part = (train: number): Part => ({ train, validation });
  const alone = overEpochs(aloneRecipe(recipe), Math.min(epochsOf(recipe), plan.reach.epochs));
  const reach = probeOf("the student alone, longer", alone, await findFiles(alone), part(plan.reach.samples));
  const bySeed: Job[][] = [];
  for (const seed of seeds) {
    const jobs: Job[] = [];
    for (const one of taught) {
      const own = armRecipe(recipe, one, plan.arm, seed);
      jobs.push(probeOf(`${one.name}, seed ${seed}`, own, await findFiles(own), part(plan.arm.samples)));
    }
    bySeed.push(jobs);
  }
  const [first = [], ...others] = bySeed;
  return {
    jobs: [...first, reach, ...others.flat()],
    keyOf: (arm: number, seed: number) => bySeed[seed]?.[arm]?.key ?? "",
    reach: reach.key,
  };
}

/** Predictions by the keys of jobs, as far as the budget goes. */
async function runAll({ executor }: Workplace, { budgetMs, signal, onRun }: ProbeOptions, jobs: readonly Job[]) {
  const found = new Map<string, readonly number[]>();
  const total = new Set(jobs.map(({ key }) => key)).size;
  const failed = new AbortController();
  const ending = AbortSignal.any([AbortSignal.timeout(budgetMs), failed.signal, ...(signal ? [signal] : [])]);
  try {
    await executor.run(jobs, {
      signal: ending,
      onResult: ({ job, result, error }) => {
        if (error)
          return failed.abort(
            error instanceof LimbeckError ? new LimbeckError(`${job.name}: ${error.message}`, { ...error, cause: error }) : error,
          );
        found.set(job.key, probeJob.readResult(result).predictions);
        onRun?.(job.name, found.size, total);
      },
    });
  } catch (error) {
    if (failed.signal.aborted) throw failed.signal.reason;
    if (signal?.aborted || !ending.aborted) throw error;
  }
  return found;
}

function armOf(predictions: readonly (readonly number[])[], { labels, teacher }: Answers): Arm {
  const agreements = predictions.map((own) => accuracyOf(own, teacher));
  return {
    accuracies: predictions.map((own) => accuracyOf(own, labels)),
    agreement: agreements.reduce((sum, one) => sum + one, 0) / agreements.length,
  };
}

function accuracyOf(predictions: readonly number[], labels: ArrayLike<number>): number {
  return predictions.filter((prediction, sample) => prediction === labels[sample]).length / labels.length;
}
