/** The process behind `runTrials`. */
import { z } from "zod";
import type { RecipeInput } from "../../src/distill/recipe/schema.ts";
import { jobKind } from "../../src/search/job-kind.ts";
import { serveJobs } from "../../src/search/serve-jobs.ts";
import { runTrial, type TrialResult } from "./trial.ts";

serveJobs({
  trial: jobKind({
    name: "trial",
    input: z.custom<RecipeInput>(),
    result: z.custom<TrialResult>(),
    run: (recipe) => runTrial(recipe),
  }),
});
