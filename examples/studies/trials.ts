/** Many short runs as trials in child processes: what is done is kept, and not done again. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { RecipeInput } from "../../src/distill/recipe/schema.ts";
import { resultsOf } from "../../src/search/jobs.ts";
import { localExecutor } from "../../src/search/local-executor.ts";
import { openResultLog } from "../../src/search/result-log.ts";
import type { TrialResult } from "./trial.ts";

/** A run of a study. */
export interface Trial {
  /** For whoever watches. */
  readonly name: string;
  readonly recipe: RecipeInput;
}

const root = fileURLToPath(new URL("../..", import.meta.url));
const entry = new URL("trial-child.ts", import.meta.url);

/**
 * Runs trials, as many at a time as there are cores, each with one thread. Results are kept as they come, by what the recipe says.
 *
 * @param file Where they are kept, as JSON lines.
 * @returns The results in the order of the trials.
 * @throws Error with the message of a trial that failed.
 */
export async function runTrials(trials: readonly Trial[], file: string): Promise<readonly TrialResult[]> {
  const log = openResultLog(file);
  const executor = localExecutor({ context: { relativeTo: root, cache: root }, entry });
  const jobs = trials.map((trial) => ({ kind: "trial", name: trial.name, input: withOneThread(trial.recipe), key: keyOf(trial) }));
  const total = new Set(jobs.map(({ key }) => key).filter((key) => !log.get(key))).size;
  const began = Date.now();
  const failed = new AbortController();
  let done = 0;
  try {
    const finished = await executor.run(jobs, {
      log,
      signal: failed.signal,
      onResult: ({ job, result, error, known }) => {
        if (error) failed.abort(new Error(`${job.name}: ${error.message}`, { cause: error }));
        if (known || !result) return;
        const left = ((Date.now() - began) / 60_000 / ++done) * (total - done);
        console.log(
          `${done}/${total} ${job.name}: validation ${percent((result as TrialResult).validation)}, about ${Math.ceil(left)} min left`,
        );
      },
    });
    return resultsOf(finished) as readonly TrialResult[];
  } finally {
    await executor.close();
    log.close();
  }
}

const withOneThread = (recipe: RecipeInput): RecipeInput => ({ ...recipe, threads: 1, workers: 0, baseline: false });

/** Of the recipe as it is written: what is added to recipes later makes no other trial of it. */
function keyOf({ recipe }: Trial): string {
  return createHash("sha256")
    .update(JSON.stringify(withOneThread(recipe)))
    .digest("hex");
}

/** Mean ± standard deviation (of a sample), in per cent. */
export function spread(values: readonly number[], digits = 2): string {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length - 1);
  return `${(100 * mean).toFixed(digits)} ± ${(100 * Math.sqrt(variance)).toFixed(digits)}`;
}

export const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const percent = (value: number): string => `${(100 * value).toFixed(2)} %`;

/** Where a study keeps what it has. */
export const runsOf = (study: string): string => join(root, "runs", `study-${study}`);
