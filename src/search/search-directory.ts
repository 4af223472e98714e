import { join, relative, resolve } from "node:path";
import { stringify } from "yaml";
import { LimbeckError } from "../errors.ts";
import { listDirectory, makeDirectory, readIfThere, writeAtomically } from "../run/files.ts";
import { canonicalJson } from "./jobs.ts";
import { mapPaths } from "./recipe-files.ts";
import { openResultLog, type ResultLog } from "./result-log.ts";
import { searchPage } from "./search-page.ts";
import type { SearchReport } from "./search-report.ts";

/** All that a search leaves behind. */
export interface SearchDirectory {
  readonly path: string;
  readonly log: ResultLog;
  /** Writes the recipe that was chosen, its paths relative to where it lies. @param relativeTo What they are relative to now. */
  writeRecipe(recipe: unknown, relativeTo: string): Promise<void>;
  write(report: SearchReport): Promise<void>;
}

const PLAN = "search-plan.json";

/**
 * Opens the directory of a new search, or with `resume` of one that was begun.
 *
 * @param plan What is searched, and how, as plain data.
 * @throws LimbeckError when something else is there.
 */
export async function openSearchDirectory(path: string, plan: unknown, resume: boolean): Promise<SearchDirectory> {
  const before = await readIfThere(join(path, PLAN));
  if (before && !resume) {
    throw new LimbeckError("This directory already holds a search.", {
      where: path,
      hint: "Use --resume to go on with it, or --out for another directory.",
    });
  }
  if (before && canonicalJson(JSON.parse(new TextDecoder().decode(before))) !== canonicalJson(plan)) {
    throw new LimbeckError("The recipe, the options or the versions differ from those that this search was started with.", {
      where: join(path, PLAN),
      hint: "Resume with the same, or start a new search with --out.",
    });
  }
  if (!before && (await listDirectory(path)).length > 0) {
    throw new LimbeckError("The directory for the search is not empty, and holds no search.", {
      where: path,
      hint: "Choose another with --out.",
    });
  }
  await makeDirectory(path);
  if (!before) await writeAtomically(join(path, PLAN), `${JSON.stringify(plan, null, 2)}\n`);
  return {
    path,
    log: openResultLog(join(path, "trials.jsonl")),
    writeRecipe: async (recipe, relativeTo) => {
      const moved = mapPaths(recipe, (named) => (named.startsWith("npm:") ? named : pathFrom(path, resolve(relativeTo, named))));
      await writeAtomically(join(path, "chosen.recipe.yaml"), stringify(moved, { lineWidth: 0 }));
    },
    write: async (report) => {
      await writeAtomically(join(path, "search.json"), `${JSON.stringify(report, null, 2)}\n`);
      await writeAtomically(join(path, "search.html"), searchPage(report));
    },
  };
}

const pathFrom = (directory: string, path: string): string => relative(resolve(directory), path).replaceAll("\\", "/") || ".";
