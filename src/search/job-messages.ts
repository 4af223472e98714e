import type { PackedError } from "../data/node/worker-messages.ts";
import type { JobContext } from "./job-kind.ts";
import type { Job } from "./jobs.ts";

/** What a process that does jobs is asked, one at a time. */
export interface JobRequest {
  readonly job: Pick<Job, "kind" | "input">;
  readonly context: JobContext;
}

/** What it answers. */
export interface JobAnswer {
  readonly outcome: { readonly result: unknown } | { readonly failure: PackedError };
  readonly seconds: number;
  /** Whether another process should take its place. */
  readonly worn: boolean;
}
