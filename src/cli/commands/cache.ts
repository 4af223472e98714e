import type { LabellingEstimate } from "../../distill/cache/label-ahead.ts";
import type { Recipe } from "../../distill/recipe/schema.ts";
import { formatBytes, formatDuration, formatInteger } from "../../report/format.ts";
import { cacheTeacher } from "../../run/cache.ts";
import { shardStoreOf } from "../../run/environment.ts";
import { resolveRecipe } from "../../run/run.ts";
import { labelInJobs } from "../../search/label.ts";
import { type ExecutorOptions, openWorkplace } from "../../search/workplace.ts";
import { printJson } from "../output.ts";
import { type ProgressDisplay, progressDisplay } from "../progress.ts";

interface CacheCommandOptions extends ExecutorOptions {
  readonly set?: readonly string[];
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `limbeck cache RECIPE` */
export async function cacheCommand(path: string, options: CacheCommandOptions): Promise<void> {
  const { set, dryRun, json, quiet = false } = options;
  const { recipe, directory: relativeTo } = await resolveRecipe(path, set);
  const display = progressDisplay(quiet);
  const interrupted = () => {
    display.stop();
    console.error("Interrupted. What has been labelled is kept: run the same command to go on.");
    process.exit(130);
  };
  process.once("SIGINT", interrupted);
  try {
    const onEstimate = (estimate: LabellingEstimate) => {
      if (json) return printJson(estimate);
      process.stdout.write(estimateLines(estimate));
      if (!dryRun && estimate.missing > 0) display.onStage?.("Labelling with the teacher");
    };
    if (options.jobs === undefined && options.redis === undefined) {
      return await cacheTeacher(recipe, { relativeTo, dryRun, onEstimate, onProgress: display });
    }
    await labelByJobs(recipe, relativeTo, options, onEstimate, display);
  } finally {
    display.stop();
    process.off("SIGINT", interrupted);
  }
}

async function labelByJobs(
  recipe: Recipe,
  relativeTo: string,
  options: CacheCommandOptions,
  onEstimate: (estimate: LabellingEstimate) => void,
  onProgress: ProgressDisplay,
): Promise<void> {
  const workplace = await openWorkplace(recipe, relativeTo, options, onProgress.onNotice);
  const answer = (estimate: LabellingEstimate): boolean => {
    onEstimate(estimate);
    return !options.dryRun;
  };
  try {
    const into = shardStoreOf(recipe, relativeTo).name;
    await labelInJobs(recipe, { relativeTo, workplace, into, onEstimate: answer, onProgress });
  } finally {
    await workplace.close();
  }
}

function estimateLines({ store, samples, views, bytes, missing, missingBytes, seconds }: LabellingEstimate): string {
  const whole = `${formatInteger(samples)} samples${views > 1 ? ` × ${views} views` : ""}, ${formatBytes(bytes)} in ${store}`;
  const left =
    missing === 0
      ? "Everything is there."
      : `To label: ${formatInteger(missing)}, ${formatBytes(missingBytes)}, in about ${formatDuration(seconds)}.`;
  return `${whole}\n${left}\n`;
}
