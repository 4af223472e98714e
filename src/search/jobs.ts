import { createHash } from "node:crypto";
import { packageVersion } from "../run/package.ts";
import { runtimeVersion } from "../runtime/version.node.ts";
import type { ResultLog } from "./result-log.ts";

/**
 * Work that can be done anywhere: plain data that says all that its result depends on. The same job gives the same result, so that it may
 * be done twice, and counts once.
 */
export interface Job {
  /** What is to be done with the input; see `JobKind`. */
  readonly kind: string;
  /** For whoever watches; no part of the key. */
  readonly name: string;
  /** Plain data, as JSON has it. */
  readonly input: unknown;
  /** What the result is kept by. */
  readonly key: string;
}

/** What results depend on beside the job. */
export interface Versions {
  readonly limbeck: string;
  readonly runtime: string;
}

export const versionsHere = (): Versions => ({ limbeck: packageVersion(), runtime: runtimeVersion });

export function jobOf(kind: string, name: string, input: unknown, versions: Versions = versionsHere()): Job {
  return { kind, name, input, key: keyOf({ kind, input }, versions) };
}

/** SHA-256 of what the result depends on. */
export function keyOf({ kind, input }: Pick<Job, "kind" | "input">, versions: Versions): string {
  return createHash("sha256").update(canonicalJson({ kind, input, versions })).digest("hex");
}

/** JSON in which the order of an object's keys makes no difference. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** How a job ended. */
export interface Ending {
  /** Plain data, as JSON has it; absent where the job failed. */
  readonly result?: unknown;
  readonly error?: Error;
  /** Whether the result was there before. */
  readonly known: boolean;
  /** That the job took, or where workers do jobs, since it was queued; 0 where it was known. */
  readonly seconds: number;
}

export interface Finished extends Ending {
  readonly job: Job;
}

export interface RunOptions {
  /** Where results are kept, and may be already. */
  readonly log?: ResultLog;
  /** Is told of each job once, in the order in which they end. */
  readonly onResult?: (finished: Finished) => void;
  /** Ends what is under way: `run` throws its reason. */
  readonly signal?: AbortSignal;
  /** Does jobs again that were done before. */
  readonly again?: boolean;
}

/** Where jobs are done. */
export interface Executor {
  /** How many jobs at a time it is worth having under way; what it is given beyond that waits. */
  readonly parallel: number;
  /**
   * Does each job once, by its key, unless its result is in the log; may be called again while it runs.
   *
   * @returns How each job ended, in the order of the jobs.
   */
  run(jobs: readonly Job[], options?: RunOptions): Promise<readonly Finished[]>;
  /** Ends what is under way. */
  close(): Promise<void>;
}

/** The results of jobs. @throws the error of the first one that failed. */
export function resultsOf(finished: readonly Finished[]): readonly unknown[] {
  const failed = finished.find(({ error }) => error);
  if (failed?.error) throw failed.error;
  return finished.map(({ result }) => result);
}
