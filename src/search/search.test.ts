import { describe, expect, test } from "vitest";
import { parseRecipe } from "../distill/recipe/parse.ts";
import type { Recipe } from "../distill/recipe/schema.ts";
import { epochsOf } from "../distill/stages.ts";
import { LimbeckError } from "../errors.ts";
import type { Ending, Executor, Job } from "./jobs.ts";
import { gathered } from "./local-executor.ts";
import type { MethodOptions } from "./methods.ts";
import { type RunEvent, runSearch, type SearchPlan } from "./search.ts";
import { findSpace } from "./space.ts";
import { overEpochs } from "./trial.ts";

const written = {
  data: { idx: "mnist" },
  student: { zoo: "mlp" },
  optimizer: { sgd: { learningRate: { search: [0.4, 0.1, 0.2, 0.3] } } },
  epochs: 9,
};

const plan = (method: MethodOptions, more: Partial<SearchPlan> = {}): SearchPlan => ({
  recipe: written,
  dimensions: findSpace(more.recipe ?? written),
  method,
  seeds: 1,
  ...more,
});

/** Does trials by a formula. */
function pretending(train: (recipe: Recipe) => { accuracy: number | null; loss?: number }): Executor & { readonly jobs: Job[] } {
  const jobs: Job[] = [];
  const finish = async (job: Job): Promise<Ending> => {
    jobs.push(job);
    const { recipe } = job.input as { recipe: Recipe };
    try {
      const { accuracy, loss = 1 } = train(recipe);
      const result = { epochs: Array.from({ length: recipe.epochs }, () => ({ accuracy, loss })), kept: recipe.epochs, student: "" };
      return { result, known: false, seconds: 1 };
    } catch (error) {
      return { error: error as Error, known: false, seconds: 1 };
    }
  };
  return { jobs, parallel: 2, run: (list, options = {}) => gathered(list, options, finish), close: async () => undefined };
}

const rate = ({ optimizer }: Recipe): number => ("sgd" in optimizer ? (optimizer.sgd.learningRate as number) : 0);
const findFiles = async () => ({});
const key = "optimizer.sgd.learningRate";

test("the best on validation is chosen; of equals the one of lower loss, then the first", async () => {
  const found = (train: (recipe: Recipe) => { accuracy: number | null; loss?: number }) =>
    runSearch(plan({ name: "grid" }), { executor: pretending(train), findFiles });
  const chosen = async (train: Parameters<typeof found>[0]) => {
    const { trials, chosen: place, recipe } = await found(train);
    expect(recipe).toMatchObject({ optimizer: { sgd: { learningRate: trials[place]?.values[key] } } });
    return trials[place]?.values[key];
  };
  expect(await chosen((recipe) => ({ accuracy: rate(recipe) === 0.3 ? 0.9 : 0.8 }))).toBe(0.3);
  expect(await chosen((recipe) => ({ accuracy: 0.9, loss: rate(recipe) }))).toBe(0.1);
  expect(await chosen(() => ({ accuracy: 0.9 }))).toBe(0.4);
  expect(await chosen((recipe) => ({ accuracy: rate(recipe) === 0.4 ? null : 0.1, loss: 5 }))).toBe(0.1);
});

test("each place is tried with as many seeds as asked for, and compared by their mean; one that fails fails it", async () => {
  const executor = pretending(({ seed, ...recipe }) => {
    if (rate(recipe as Recipe) === 0.1 && seed === 7) throw new LimbeckError("It diverged.");
    return { accuracy: rate(recipe as Recipe) + (seed - 6) / 10 };
  });
  const told: RunEvent[] = [];
  const { trials, chosen } = await runSearch(plan({ name: "grid" }, { recipe: { ...written, seed: 5 }, seeds: 3 }), {
    executor,
    findFiles,
    events: { onRun: (event) => told.push(event) },
  });
  expect(trials[0]?.runs.map(({ seed }) => seed)).toEqual([5, 6, 7]);
  expect(trials[0]?.accuracy).toBeCloseTo(0.4);
  expect(trials[0]?.deviation).toBeCloseTo(0.1);
  expect(trials[1]?.error).toBe("It diverged.");
  expect(trials[1]?.accuracy).toBeUndefined();
  expect(chosen).toBe(0);
  expect(told).toHaveLength(12);
  expect(told.at(-1)).toMatchObject({ done: 12 * 9, total: 12 * 9, secondsLeft: 0 });
});

test("a mistake that every trial shares ends the search after three", async () => {
  const executor = pretending(() => {
    throw new LimbeckError("There is no such file.", { where: "teacher.onnx" });
  });
  await expect(runSearch(plan({ name: "grid" }), { executor, findFiles })).rejects.toMatchObject({ where: "teacher.onnx" });
  const different = pretending((recipe) => {
    throw new LimbeckError(`Broken at ${rate(recipe)}.`);
  });
  await expect(runSearch(plan({ name: "grid" }), { executor: different, findFiles })).rejects.toThrow("Broken at 0.4.");
});

test("what has no validation samples can't be searched", async () => {
  const executor = pretending(() => ({ accuracy: 1 }));
  const without: Executor = {
    ...executor,
    run: async (jobs) => jobs.map((job) => ({ job, result: { epochs: [], kept: 0, student: "" }, known: false, seconds: 0 })),
  };
  await expect(runSearch(plan({ name: "grid" }), { executor: without, findFiles })).rejects.toThrow("no validation samples");
});

describe.each(["halving", "asha"] as const)("%s", (name) => {
  test("chooses among those with all epochs", async () => {
    // Short trials of high rates look better than they are.
    const executor = pretending(({ epochs, ...recipe }) => ({
      accuracy: epochs === 9 ? 0.5 - rate(recipe as Recipe) : rate(recipe as Recipe),
    }));
    const { trials, chosen } = await runSearch(plan({ name, trials: 4, seed: 0 }), { executor, findFiles });
    expect(trials.map(({ epochs }) => epochs).sort()).toEqual([3, 3, 3, 3, 9]);
    expect(trials[chosen]).toMatchObject({ epochs: 9, values: { [key]: 0.4 } });
    expect(executor.jobs.map(({ input }) => (input as { recipe: Recipe }).recipe.epochs).sort()).toEqual([3, 3, 3, 3, 9]);
  });
});

test("trials see neither what only slows them nor what only runs leave", async () => {
  const executor = pretending(() => ({ accuracy: 1 }));
  await runSearch(plan({ name: "grid" }, { recipe: { ...written, snapshots: [1], workers: 2, name: "a" } }), { executor, findFiles });
  const kept = { threads: 1, workers: 0, baseline: false, shares: false, snapshots: [], name: undefined };
  expect(executor.jobs[0]?.input).toMatchObject({ recipe: kept });
});

test("stages keep their proportions over other epochs", () => {
  const recipe = parseRecipe({ ...written, optimizer: { sgd: { learningRate: 0.1 } }, stages: [{ epochs: 12 }, { epochs: 6 }, {}] });
  expect(epochsOf(recipe)).toBe(27);
  const shorter = overEpochs(recipe, 9);
  expect(shorter.stages?.map(({ epochs }) => epochs)).toEqual([4, 2, undefined]);
  expect(epochsOf(shorter)).toBe(9);
  expect(overEpochs(recipe, 27)).toBe(recipe);
});
