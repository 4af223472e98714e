import { basename, extname } from "node:path";
import pc from "picocolors";
import { parseRecipe } from "../../distill/recipe/parse.ts";
import { epochsOf } from "../../distill/stages.ts";
import { LimbeckError } from "../../errors.ts";
import { formatDuration, formatPercent } from "../../report/format.ts";
import { freshDirectory } from "../../run/directory.ts";
import { applyOverrides } from "../../run/overrides.ts";
import { loadRecipeFile } from "../../run/recipe-file.ts";
import { gridPoints } from "../../search/grid.ts";
import { trialsWithin } from "../../search/halving.ts";
import { temperatureSpace, weightSpace } from "../../search/loss-space.ts";
import type { MethodOptions } from "../../search/methods.ts";
import { searchRecipe } from "../../search/run-search.ts";
import type { RunEvent } from "../../search/search.ts";
import type { SearchKind } from "../../search/search-report.ts";
import { searchTable } from "../../search/search-table.ts";
import { type Dimension, findSpace, withPoint } from "../../search/space.ts";
import type { ExecutorOptions } from "../../search/workplace.ts";
import { printJson, shortPath } from "../output.ts";
import { progressDisplay } from "../progress.ts";

export interface SearchCommandOptions extends ExecutorOptions {
  readonly seeds: number;
  readonly out?: string;
  readonly resume?: boolean;
  readonly set?: readonly string[];
  readonly final: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly grid?: readonly number[];
  readonly factors?: readonly number[];
  readonly method?: MethodOptions["name"];
  readonly trials?: number;
  readonly budget?: number;
  readonly points?: number;
  readonly searchSeed?: number;
}

/** `limbeck search temperature|weights|recipe RECIPE` */
export async function searchCommand(kind: SearchKind, path: string, options: SearchCommandOptions): Promise<void> {
  if (options.resume && !options.out) throw new LimbeckError("--resume needs --out: the directory of the search to go on with.");
  const { content, directory: relativeTo } = await loadRecipeFile(path);
  const { recipe, dimensions } = spaceOf(kind, applyOverrides(content, options.set ?? []), options);
  const out = options.out ?? (await freshDirectory("runs", `search-${basename(path, extname(path)).replace(/\.recipe$/, "")}`));
  const display = progressDisplay(options.quiet ?? false);
  const controller = new AbortController();
  const interrupted = () => {
    display.stop();
    // Ends the processes of the jobs.
    controller.abort(new Error("interrupted"));
    console.error(`Interrupted. To go on, run the same command with --out ${out} --resume.`);
    process.exit(130);
  };
  process.once("SIGINT", interrupted);
  try {
    const report = await searchRecipe({
      ...options,
      kind,
      plan: { recipe, dimensions, method: methodFor(kind, recipe, dimensions, options), seeds: options.seeds },
      relativeTo,
      out,
      onRun: (event) => display.onLine(runLine(event)),
      onProgress: display,
      signal: controller.signal,
    });
    display.stop();
    if (options.json) return printJson(report);
    process.stdout.write(searchTable(report, { color: process.stdout.isTTY === true && pc.isColorSupported }));
    for (const file of ["chosen.recipe.yaml", "search.html"]) process.stdout.write(`${shortPath(`${out}/${file}`)}\n`);
  } finally {
    display.stop();
    process.off("SIGINT", interrupted);
  }
}

function spaceOf(kind: SearchKind, recipe: unknown, { grid = [], factors = [] }: SearchCommandOptions) {
  if (kind === "recipe") return { recipe, dimensions: findSpace(recipe) };
  if (findSpace(recipe).length > 0) {
    throw new LimbeckError(`The recipe has values to search, and this looks for the ${kind} alone.`, {
      hint: "Use `limbeck search recipe`.",
    });
  }
  return kind === "temperature" ? temperatureSpace(recipe, grid) : weightSpace(recipe, factors);
}

/** A grid with more points takes long. */
const MOST_UNASKED = 24;

function methodFor(kind: SearchKind, recipe: unknown, dimensions: readonly Dimension[], options: SearchCommandOptions): MethodOptions {
  const { points, trials = 1, searchSeed: seed = 1, budget } = options;
  if (kind === "temperature" || dimensions.length === 0) return { name: "grid" };
  const fewPoints = () => dimensions.every(({ domain }) => "choices" in domain) && gridPoints(dimensions).length <= MOST_UNASKED;
  const name = options.method ?? (fewPoints() ? "grid" : "tpe");
  if (budget !== undefined && name !== "halving" && name !== "asha") {
    throw new LimbeckError("--budget is for --method halving and asha.", { hint: "Give --trials instead." });
  }
  if (name === "grid") return { name, points };
  if (budget === undefined) return { name, trials, seed };
  const first = dimensions.map(({ domain }) => ("choices" in domain ? 0 : domain.min));
  const epochs = epochsOf(parseRecipe(withPoint(recipe, dimensions, first)));
  return { name, trials: trialsWithin(Math.floor(budget / options.seeds), epochs, budget), seed };
}

function runLine({ name, epochs, accuracy, error, known, done, total, secondsLeft }: RunEvent): string {
  const reached = `${Math.floor((100 * done) / total)} %`.padStart(5);
  const found = error === undefined ? `validation ${formatPercent(accuracy ?? Number.NaN)}` : `failed: ${error}`;
  const left = known ? "known" : secondsLeft === undefined ? "" : `${formatDuration(secondsLeft)} left`;
  return [reached, name, `${epochs} ${epochs === 1 ? "epoch" : "epochs"}`, found, left].filter((part) => part !== "").join("  ");
}
