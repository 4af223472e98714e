import { parseRecipe } from "../distill/recipe/parse.ts";
import type { Recipe } from "../distill/recipe/schema.ts";
import { epochsOf } from "../distill/stages.ts";
import { LimbeckError } from "../errors.ts";
import { gridPoints } from "./grid.ts";
import { asha, costOf, type HalvingOptions, rungsOf } from "./halving.ts";
import type { Executor, Finished, Job } from "./jobs.ts";
import { compareScores, type Proposal } from "./method.ts";
import { checkMethod, type MethodOptions, methodOf } from "./methods.ts";
import type { FindFiles } from "./recipe-files.ts";
import { trialJob } from "./recipe-job.ts";
import type { ResultLog } from "./result-log.ts";
import { type Dimension, gridOf, valuesOf, withPoint } from "./space.ts";
import { overEpochs, scoreOf, type Trial, trialOf } from "./trial.ts";

/** What is looked for, and how. */
export interface SearchPlan {
  /** As it is written; the dimensions say where their values go. */
  readonly recipe: unknown;
  readonly dimensions: readonly Dimension[];
  readonly method: MethodOptions;
  /** Times that each place is tried: with the recipe's seed, and those that follow it. */
  readonly seeds: number;
}

export interface SearchEvents {
  /** The recipes that are about to be tried. */
  readonly onRound?: (recipes: readonly Recipe[]) => Promise<void>;
  readonly onRun?: (event: RunEvent) => void;
}

/** A place has been tried with a seed. */
export interface RunEvent {
  readonly name: string;
  readonly epochs: number;
  readonly accuracy?: number;
  readonly error?: string;
  readonly known: boolean;
  /** Epochs of all runs so far, and of all that there will be, as far as that is known. */
  readonly done: number;
  readonly total: number;
  readonly secondsLeft?: number;
}

export interface SearchEnvironment {
  readonly executor: Executor;
  readonly findFiles: FindFiles;
  /** Where the results of trials are kept. */
  readonly log?: ResultLog;
  readonly signal?: AbortSignal;
  readonly events?: SearchEvents;
}

export interface SearchOutcome {
  readonly trials: readonly Trial[];
  /** The place among the trials of the one that did best. */
  readonly chosen: number;
  /** The recipe that it is of, as it is written. */
  readonly recipe: unknown;
}

/** Failures of the first trials that are no chance. */
const FAILURES = 3;

/**
 * Tries a recipe with other values, and says with which it does best on the validation samples.
 *
 * @throws LimbeckError when a value fits no recipe, or every trial fails.
 */
export async function runSearch(plan: SearchPlan, environment: SearchEnvironment): Promise<SearchOutcome> {
  const epochs = epochsOf(checkPlan(plan));
  const attempt = attempts(plan, environment, plannedEpochs(plan, epochs));
  const found: { readonly trial: Trial; readonly proposal: Proposal }[] = [];
  const record = (proposals: readonly Proposal[], trials: readonly Trial[]) =>
    void found.push(...trials.map((trial, index) => ({ trial, proposal: proposals[index] as Proposal })));
  if (plan.method.name === "asha") await runAsha(plan, { ...plan.method, epochs }, environment, attempt, record);
  else {
    const method = methodOf(plan.dimensions, plan.method, epochs);
    for (let step = method.next([]); !step.done; ) {
      const trials = await attempt(step.value);
      record(step.value, trials);
      step = method.next(trials.map(scoreOf));
    }
  }
  const chosen = bestOf(found.map(({ trial }) => trial));
  const { proposal } = found[chosen] as (typeof found)[number];
  return { trials: found.map(({ trial }) => trial), chosen, recipe: withPoint(plan.recipe, plan.dimensions, proposal.point) };
}

type Attempt = (proposals: readonly Proposal[]) => Promise<readonly Trial[]>;

/** ASHA, by as many loops as jobs are worth having under way. */
async function runAsha(
  { dimensions }: SearchPlan,
  options: HalvingOptions,
  { executor }: SearchEnvironment,
  attempt: Attempt,
  record: (proposals: readonly Proposal[], trials: readonly Trial[]) => void,
): Promise<void> {
  const search = asha(dimensions, options);
  const waiting: (() => void)[] = [];
  const loop = async (): Promise<void> => {
    for (let next = search.next(); next; next = search.next()) {
      if (next === "wait") {
        await new Promise<void>((resolve) => waiting.push(resolve));
        continue;
      }
      const trials = await attempt([next]);
      record([next], trials);
      search.tell(next, scoreOf(trials[0] as Trial));
      for (const wake of waiting.splice(0)) wake();
    }
  };
  await Promise.all(Array.from({ length: executor.parallel }, loop));
}

/** What tries places, each with all seeds. @param total Epochs that all of it takes, for the estimate of what is left. */
function attempts({ recipe, dimensions, seeds: count }: SearchPlan, environment: SearchEnvironment, total: number): Attempt {
  const { executor, findFiles, log, signal, events = {} } = environment;
  const stop = new AbortController();
  const stopped = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  const progress = progressOf(total, events);
  const failures: Error[] = [];
  let succeeded = false;
  return async (proposals) => {
    const places = proposals.map(({ point, epochs }) => {
      const values = valuesOf(dimensions, point);
      const parsed = parseRecipe(withPoint(recipe, dimensions, point), `the recipe with ${describe(values)}`);
      const own = epochs === undefined ? parsed : overEpochs(parsed, epochs);
      const seeds = Array.from({ length: count }, (_, index) => own.seed + index);
      return { values, epochs: epochsOf(own), seeds, recipes: seeds.map((seed) => ({ ...own, seed })) };
    });
    await events.onRound?.(places.flatMap(({ recipes }) => recipes));
    const jobs: Job[] = [];
    const lengths = new Map<string, number>();
    for (const { values, recipes, epochs } of places) {
      for (const one of recipes) {
        const name = `${describe(values)}${count > 1 ? `, seed ${one.seed}` : ""}`;
        const job = trialJob(name, one, await findFiles(one));
        jobs.push(job);
        lengths.set(job.key, epochs);
      }
    }
    const onResult = (finished: Finished): void => {
      if (finished.error) failures.push(finished.error);
      else succeeded = true;
      // One mistake in a recipe fails every trial: the rest need not show it again.
      if (!succeeded && failures.length >= FAILURES && new Set(failures.map(({ message }) => message)).size === 1) stop.abort(failures[0]);
      progress(finished, lengths.get(finished.job.key) ?? 0);
    };
    const finished = await executor.run(jobs, { log, onResult, signal: stopped });
    if (!succeeded && failures[0] && finished.every(({ error }) => error)) throw failures[0];
    return places.map(({ values, epochs, seeds }, index) =>
      trialOf(values, epochs, seeds, finished.slice(index * count, (index + 1) * count)),
    );
  };
}

/** Tells of each run, with an estimate of what is left by what the others took. */
function progressOf(total: number, { onRun }: SearchEvents) {
  const began = performance.now();
  let [done, computed] = [0, 0];
  return (finished: Finished, epochs: number): void => {
    done += epochs;
    if (!finished.known) computed += epochs;
    const perEpoch = (performance.now() - began) / 1000 / computed;
    const [run] = finished.error ? [] : trialOf({}, epochs, [0], [finished]).runs;
    onRun?.({
      name: finished.job.name,
      epochs,
      accuracy: run?.accuracy,
      error: finished.error?.message,
      known: finished.known,
      done,
      total: Math.max(total, done),
      ...(computed > 0 && { secondsLeft: perEpoch * Math.max(0, total - done) }),
    });
  };
}

/** `losses[0].kd.temperature=4, optimizer={"sgd":{"learningRate":0.1}}` */
export function describe(values: Readonly<Record<string, unknown>>): string {
  return Object.entries(values)
    .map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(", ");
}

/** The recipe at the first value of each. @throws LimbeckError when there is nothing to search, or a value, by itself, fits no recipe. */
export function checkPlan({ recipe, dimensions, method }: SearchPlan): Recipe {
  if (dimensions.length === 0) {
    throw new LimbeckError("The recipe has nothing to search.", {
      hint: "Put { search: [1, 2, 4] } or { search: { min, max } } in place of a value.",
    });
  }
  checkMethod(dimensions, method);
  const ends = dimensions.map(({ domain }) => ("choices" in domain ? gridOf(domain, 1) : [domain.min, domain.max]));
  const first = ends.map(([value]) => value as number);
  const at = (point: readonly number[]) =>
    parseRecipe(withPoint(recipe, dimensions, point), `the recipe with ${describe(valuesOf(dimensions, point))}`);
  for (const [index, values] of ends.entries()) for (const value of values.slice(1)) at(first.with(index, value));
  return at(first);
}

/** Epochs that a search takes, all seeds and rungs counted; fewer, where a space has fewer places than trials were asked for. */
function plannedEpochs({ dimensions, method, seeds }: SearchPlan, epochs: number): number {
  if (method.name === "grid") return seeds * epochs * gridPoints(dimensions, method.points).length;
  const halves = method.name === "halving" || method.name === "asha";
  return seeds * (halves ? costOf(rungsOf(method.trials, epochs)) : method.trials * epochs);
}

/** The best of those that were given the most epochs; of fewer, where all of those failed. @throws LimbeckError where all failed. */
function bestOf(trials: readonly Trial[]): number {
  const sound = trials.map((_, index) => index).filter((index) => trials[index]?.accuracy !== undefined);
  const of = (index: number) => trials[index] as Trial;
  const [best] = sound.sort((a, b) => of(b).epochs - of(a).epochs || compareScores(scoreOf(of(a)), scoreOf(of(b))) || a - b);
  if (best === undefined) throw new LimbeckError(`Every trial failed: ${trials[0]?.error ?? "there was none"}`);
  return best;
}
