import type { JobKinds } from "./job-kind.ts";
import { labelJob } from "./label-job.ts";
import { probeJob } from "./probe-job.ts";
import { recipeJob } from "./recipe-job.ts";

/** Every kind of job, by its name. A new one is its file, and its line here. */
export const jobKinds = { recipe: recipeJob, label: labelJob, probe: probeJob } satisfies JobKinds;
