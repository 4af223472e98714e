/** Many short runs as trials in child processes: what is done is kept, and not done again. */
import { type ChildProcess, fork } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { RecipeInput } from "../../src/distill/recipe/schema.ts";
import type { TrialResult } from "./trial.ts";

/** A run of a study. */
export interface Trial {
  /** For whoever watches. */
  readonly name: string;
  readonly recipe: RecipeInput;
}

/** A process leaks with each session that it makes and drops (an issue of onnxruntime-node), so it is not used for ever. */
const TRIALS_PER_PROCESS = 20;

const child = fileURLToPath(new URL("trial.ts", import.meta.url));
const jiti = fileURLToPath(new URL("../../node_modules/jiti/lib/jiti-cli.mjs", import.meta.url));

/**
 * Runs trials, as many at a time as there are cores, each with one thread. Results are kept as they come, by what the recipe says.
 *
 * @param file Where they are kept, as JSON lines.
 * @returns The results in the order of the trials.
 * @throws Error with the message of a trial that failed.
 */
export async function runTrials(trials: readonly Trial[], file: string): Promise<readonly TrialResult[]> {
  mkdirSync(dirname(file), { recursive: true });
  const known = new Map(readLines(file).map(({ key, result }) => [key, result]));
  const waiting = trials.map((trial) => ({ ...trial, key: keyOf(trial) })).filter(({ key }) => !known.has(key));
  const [began, total] = [Date.now(), waiting.length];
  let done = 0;
  const work = async () => {
    let [worker, used] = [start(), 0];
    try {
      for (let trial = waiting.shift(); trial; trial = waiting.shift()) {
        if (known.has(trial.key)) continue;
        if (used++ === TRIALS_PER_PROCESS) {
          worker.kill();
          [worker, used] = [start(), 1];
        }
        const result = await ask(worker, trial);
        known.set(trial.key, result);
        appendFileSync(file, `${JSON.stringify({ key: trial.key, name: trial.name, result })}\n`);
        const left = ((Date.now() - began) / 60_000 / ++done) * (total - done);
        console.log(`${done}/${total} ${trial.name}: validation ${percent(result.validation)}, about ${Math.ceil(left)} min left`);
      }
    } finally {
      worker.kill();
    }
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), total) }, work));
  return trials.map((trial) => known.get(keyOf(trial)) as TrialResult);
}

function start(): ChildProcess {
  return fork(jiti, [child], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
}

async function ask(worker: ChildProcess, { name, recipe }: Trial): Promise<TrialResult> {
  worker.send(withOneThread(recipe));
  const either = new AbortController();
  const answer = (await Promise.race([
    once(worker, "message", either).then(([said]) => said as unknown),
    once(worker, "exit", either).then(() => ({ error: "its process ended" })),
  ])) as { result?: TrialResult; error?: string };
  either.abort();
  if (answer.result) return answer.result;
  throw new Error(`${name}: ${answer.error}`);
}

const withOneThread = (recipe: RecipeInput): RecipeInput => ({ ...recipe, threads: 1, workers: 0, baseline: false });

/** Of the recipe as it is written: what is added to recipes later makes no other trial of it. */
function keyOf({ recipe }: Trial): string {
  return createHash("sha256")
    .update(JSON.stringify(withOneThread(recipe)))
    .digest("hex");
}

function readLines(file: string): { readonly key: string; readonly result: TrialResult }[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n");
  // A killed study may leave half a line at the end.
  return lines.flatMap((line) => {
    try {
      return [JSON.parse(line) as { key: string; result: TrialResult }];
    } catch {
      return [];
    }
  });
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
export const runsOf = (study: string): string => join(fileURLToPath(new URL("../..", import.meta.url)), "runs", `study-${study}`);
