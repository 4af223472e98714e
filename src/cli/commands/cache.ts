import type { LabellingEstimate } from "../../distill/cache/label-ahead.ts";
import { formatBytes, formatDuration, formatInteger } from "../../report/format.ts";
import { cacheTeacher } from "../../run/cache.ts";
import { resolveRecipe } from "../../run/run.ts";
import { printJson } from "../output.ts";
import { progressDisplay } from "../progress.ts";

interface CacheCommandOptions {
  readonly set?: readonly string[];
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `limbeck cache RECIPE` */
export async function cacheCommand(path: string, { set, dryRun, json, quiet = false }: CacheCommandOptions): Promise<void> {
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
    await cacheTeacher(recipe, { relativeTo, dryRun, onEstimate, onProgress: display });
  } finally {
    display.stop();
    process.off("SIGINT", interrupted);
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
