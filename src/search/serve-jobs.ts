import { packError } from "../data/node/worker-messages.ts";
import { LimbeckError } from "../errors.ts";
import type { JobContext, JobKinds } from "./job-kind.ts";
import type { JobAnswer, JobRequest } from "./job-messages.ts";
import type { Job } from "./jobs.ts";

/** Jobs that leave something behind, after which a process is replaced. */
const MOST_JOBS = 20;

/** Makes this process do the jobs that its parent sends, until that lets go of it. */
export function serveJobs(kinds: JobKinds): void {
  let left = MOST_JOBS;
  // Control-C goes to all processes of a terminal: the parent decides. When that dies, so does this one.
  process.on("SIGINT", () => undefined);
  process.on("disconnect", () => process.exit());
  process.on("message", async ({ job, context }: JobRequest) => {
    const began = performance.now();
    const outcome = await doJob(kinds, job, context).then(
      (result) => ({ result }),
      (error: unknown) => ({ failure: packError(error) }),
    );
    if (!kinds[job.kind]?.leavesNothing) left--;
    const answer: JobAnswer = { outcome, seconds: (performance.now() - began) / 1000, worn: left <= 0 };
    process.send?.(answer);
  });
}

/** @throws LimbeckError when there is no such kind; and what the job throws. */
async function doJob(kinds: JobKinds, { kind: name, input }: Pick<Job, "kind" | "input">, context: JobContext): Promise<unknown> {
  const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
  if (!kind) throw new LimbeckError(`There is no kind of job called "${name}".`, { hint: `There are ${Object.keys(kinds).join(", ")}.` });
  // As it will be read from disk: NaN, for one, is null there.
  return JSON.parse(JSON.stringify(await kind.perform(input, context))) as unknown;
}
