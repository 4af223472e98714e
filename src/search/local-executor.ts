import { availableParallelism, totalmem } from "node:os";
import { unpackError } from "../data/node/worker-messages.ts";
import { LimbeckError } from "../errors.ts";
import type { JobContext } from "./job-kind.ts";
import { type JobProcess, jobChild, startJobProcess } from "./job-process.ts";
import type { Ending, Executor, Finished, Job, RunOptions } from "./jobs.ts";
import type { ResultLog } from "./result-log.ts";

export interface LocalOptions {
  readonly context: JobContext;
  /** Processes; one for each core unless given. */
  readonly jobs?: number;
  /** Bytes that a process may take; unless given, its part of four fifths of the machine's. */
  readonly maxMemory?: number;
  /** Times that a job is tried whose process ends without an answer. */
  readonly attempts?: number;
  /** What the processes run. */
  readonly entry?: URL;
}

const ATTEMPTS = 3;
const SHARE_OF_MEMORY = 0.8;

interface Task {
  readonly job: Job;
  readonly log?: ResultLog;
  readonly signal?: AbortSignal;
  readonly resolve: (ending: Ending) => void;
}

/** Does jobs in child processes of this machine. */
export function localExecutor({ context, entry = jobChild, attempts = ATTEMPTS, ...options }: LocalOptions): Executor {
  const parallel = options.jobs ?? availableParallelism();
  const maxMemory = options.maxMemory ?? (SHARE_OF_MEMORY * memory()) / parallel;
  const waiting: Task[] = [];
  const underWay = new Map<string, Promise<Ending>>();
  const processes = new Set<JobProcess>();
  const idle: JobProcess[] = [];
  let busy = 0;
  let closed = false;

  const start = (): JobProcess => {
    const started = startJobProcess({ entry, maxMemory });
    processes.add(started);
    return started;
  };
  const drop = (process: JobProcess): void => {
    process.end();
    processes.delete(process);
  };
  const perform = async ({ job, signal, log }: Task): Promise<Ending> => {
    let lost = "";
    for (let attempt = 0; attempt < attempts && !closed && !signal?.aborted; attempt++) {
      const process = idle.pop() ?? start();
      const abort = (): void => drop(process);
      signal?.addEventListener("abort", abort, { once: true });
      const answer = await process.ask({ job, context });
      signal?.removeEventListener("abort", abort);
      if ("lost" in answer) {
        lost = answer.lost;
        drop(process);
        continue;
      }
      if (answer.worn || closed) drop(process);
      else idle.push(process);
      const { outcome, seconds } = answer;
      if ("failure" in outcome) return { error: asError(unpackError(outcome.failure)), known: false, seconds };
      log?.add({ key: job.key, name: job.name, result: outcome.result, seconds });
      return { result: outcome.result, known: false, seconds };
    }
    return { error: new LostJob(job, lost), known: false, seconds: 0 };
  };
  const pump = (): void => {
    while (busy < parallel && waiting.length > 0) {
      const task = waiting.shift() as Task;
      busy++;
      void perform(task)
        .catch((error: unknown): Ending => ({ error: asError(error), known: false, seconds: 0 }))
        .then((ending) => {
          busy--;
          task.resolve(ending);
          pump();
        });
    }
  };
  const enqueue = (job: Job, { signal, log }: RunOptions): Promise<Ending> => {
    const ending = new Promise<Ending>((resolve) => {
      waiting.push({ job, log, signal, resolve });
    }).finally(() => underWay.delete(job.key));
    underWay.set(job.key, ending);
    pump();
    return ending;
  };
  return {
    parallel,
    run: (jobs, options = {}) => gathered(jobs, options, (job) => underWay.get(job.key) ?? enqueue(job, options)),
    close: async () => {
      closed = true;
      for (const process of processes) drop(process);
    },
  };
}

/** Of the machine, or what it leaves this process. */
function memory(): number {
  return Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
}

/** A job whose process ended again and again. */
export class LostJob extends LimbeckError {
  constructor({ name }: Job, why: string) {
    super(`The process of "${name}" ended without an answer: ${why || "it was not begun"}.`, {
      exitCode: 1,
      hint: "Where memory is short, give it more by --max-memory, use fewer --jobs, or lower batchSize.",
    });
  }
}

/** Each job once, by its key, that isn't in the log; how they ended in their order. */
export async function gathered(
  jobs: readonly Job[],
  { log, onResult, signal, again = false }: RunOptions,
  finish: (job: Job) => Promise<Ending>,
): Promise<readonly Finished[]> {
  signal?.throwIfAborted();
  const byKey = new Map<string, Promise<Finished>>();
  for (const job of jobs) {
    if (byKey.has(job.key)) continue;
    const line = again ? undefined : log?.get(job.key);
    const ending = line ? Promise.resolve({ result: line.result, known: true, seconds: 0 }) : finish(job);
    byKey.set(
      job.key,
      ending.then((found) => {
        const finished = { ...found, job };
        if (!signal?.aborted) onResult?.(finished);
        return finished;
      }),
    );
  }
  const finished = await Promise.all(jobs.map(({ key }) => byKey.get(key) as Promise<Finished>));
  signal?.throwIfAborted();
  return finished;
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
