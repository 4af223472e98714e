import { jobKinds } from "./job-kinds.ts";
import { serveJobs } from "./serve-jobs.ts";

// What a child process runs.

serveJobs(jobKinds);
