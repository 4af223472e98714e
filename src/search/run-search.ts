import { existsSync } from "node:fs";
import { join } from "node:path";
import { cacheSettingsOf } from "../distill/cache/teacher-cache.ts";
import type { ProgressEvents } from "../distill/environment.ts";
import { parseRecipe } from "../distill/recipe/parse.ts";
import { cacheDefaults, type Recipe } from "../distill/recipe/schema.ts";
import { learnsFromOthers } from "../distill/stages.ts";
import { teacherSources } from "../distill/teacher/sources.ts";
import { explain, LimbeckError } from "../errors.ts";
import type { Report } from "../report/report.ts";
import { runResolved } from "../run/run.ts";
import { canonicalJson, versionsHere } from "./jobs.ts";
import { labelInJobs } from "./label.ts";
import { checkPlan, type RunEvent, runSearch, type SearchPlan } from "./search.ts";
import { openSearchDirectory, type SearchDirectory } from "./search-directory.ts";
import type { SearchKind, SearchReport } from "./search-report.ts";
import { type ExecutorOptions, openWorkplace, type Workplace } from "./workplace.ts";

export interface SearchOptions extends ExecutorOptions {
  readonly kind: SearchKind;
  readonly plan: SearchPlan;
  /** What paths in the recipe are relative to. */
  readonly relativeTo: string;
  readonly out: string;
  readonly resume?: boolean;
  /** Trains the chosen recipe at the end, and tests that; done unless false. */
  readonly final?: boolean;
  readonly onRun?: (event: RunEvent) => void;
  readonly onProgress?: ProgressEvents;
  readonly signal?: AbortSignal;
}

/**
 * Searches, and leaves in a directory what was found: every trial, the chosen recipe, and its run, in which the test samples are seen for the
 * only time. Killed at any moment it goes on with `resume`: only trials that were under way are lost.
 *
 * @throws LimbeckError when the recipe can't be searched, or every trial fails.
 */
export async function searchRecipe(options: SearchOptions): Promise<SearchReport> {
  const { kind, relativeTo, out, resume = false, final = true, onRun, onProgress = {}, signal } = options;
  const plan = { ...options.plan, recipe: cached(options.plan.recipe) };
  const { recipe, dimensions, method, seeds } = plan;
  const versions = versionsHere();
  const first = checkPlan(plan);
  const began = performance.now();
  const workplace = await openWorkplace(first, relativeTo, options, onProgress.onNotice);
  let directory: SearchDirectory | undefined;
  try {
    // What isn't there is found before anything is written.
    await workplace.findFiles(first);
    directory = await openSearchDirectory(out, { kind, recipe, dimensions, method, seeds, versions }, resume);
    const onRound = labeller(workplace, relativeTo, onProgress, signal);
    onProgress.onStage?.("Searching");
    const found = await runSearch(plan, { ...workplace, log: directory.log, signal, events: { onRound, onRun } });
    const report: SearchReport = {
      limbeck: { search: 1 },
      kind,
      recipe,
      dimensions: dimensions.map(({ key, domain }) => ({ key, domain })),
      method,
      seeds,
      trials: found.trials,
      chosen: found.chosen,
      versions,
      seconds: (performance.now() - began) / 1000,
    };
    await directory.writeRecipe(found.recipe, relativeTo);
    await directory.write(report);
    await workplace.close();
    if (!final) return report;
    onProgress.onStage?.("The chosen recipe, trained to be tested");
    const tested = { ...report, test: testOf(await finalRun(parseRecipe(found.recipe), relativeTo, join(out, "chosen"), onProgress)) };
    await directory.write(tested);
    return tested;
  } finally {
    await workplace.close();
    directory?.log.close();
  }
}

/** Keeps a teacher's outputs for all trials and the last run, unless the recipe says otherwise; where, is said, because that run lies elsewhere. */
function cached(recipe: unknown): unknown {
  if (typeof recipe !== "object" || recipe === null || !("teacher" in recipe)) return recipe;
  const { cache = true } = recipe as { readonly cache?: unknown };
  const { directory } = cacheDefaults;
  if (cache === true) return { ...recipe, cache: { directory } };
  return typeof cache === "object" && cache !== null && !("search" in cache) ? { ...recipe, cache: { directory, ...cache } } : recipe;
}

async function finalRun(recipe: Recipe, relativeTo: string, out: string, onProgress: ProgressEvents): Promise<Report> {
  const resume = existsSync(join(out, "recipe.json"));
  const command = learnsFromOthers(recipe) ? "distill" : "train";
  return (await runResolved(command, recipe, { out, resume, relativeTo, onProgress })).report;
}

function testOf({ student, teacher, baseline }: Report): SearchReport["test"] {
  return { accuracy: student.accuracy.lastEpoch, teacher: teacher?.accuracy.lastEpoch, baseline: baseline?.accuracy.lastEpoch };
}

/**
 * What has the teachers of a round's trials label, as far as that isn't done: by all processes together, where each trial by itself would
 * begin with the same samples.
 */
function labeller(workplace: Workplace, relativeTo: string, onProgress: ProgressEvents, signal: AbortSignal | undefined) {
  const labelled = new Set<string>();
  return async (recipes: readonly Recipe[]): Promise<void> => {
    for (const recipe of recipes) {
      if (!cacheSettingsOf(recipe) || teacherSources(recipe).files.length === 0 || !learnsFromOthers(recipe)) continue;
      const key = canonicalJson(labellingOf(recipe));
      if (labelled.has(key)) continue;
      labelled.add(key);
      try {
        await labelInJobs(recipe, { relativeTo, workplace, onProgress, signal });
      } catch (error) {
        if (!(error instanceof LimbeckError)) throw error;
        onProgress.onNotice?.(`Trials ask the teacher themselves: ${explain(error)}`);
      }
    }
  };
}

/** What decides a teacher's outputs; nearly: a student of other layers may ask for others, and then does so itself. */
function labellingOf({ teacher, teacherPrecision, data, seed, epochs, losses, stages, batchSize, cache }: Recipe) {
  const named = (list: Recipe["losses"]) => list.map((loss) => Object.keys(loss)[0]);
  const drawn = data.augment.length > 0 ? { seed, views: Math.min(data.views ?? epochs, epochs) } : {};
  return {
    teacher,
    teacherPrecision,
    data,
    batchSize,
    cache,
    ...drawn,
    losses: named(losses),
    stages: stages?.map((stage) => named(stage.losses ?? losses)),
  };
}
