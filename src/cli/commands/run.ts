import { basename, extname, join } from "node:path";
import { LimbeckError } from "../../errors.ts";
import { reportTable } from "../../report/table.ts";
import { freshDirectory } from "../../run/directory.ts";
import { resolveRecipe, runResolved } from "../../run/run.ts";
import { printJson } from "../output.ts";
import { progressDisplay } from "../progress.ts";

interface RunCommandOptions {
  readonly out?: string;
  readonly seed?: number;
  readonly set: readonly string[];
  readonly resume?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `limbeck distill RECIPE` and `limbeck train RECIPE`. */
export async function runCommand(command: "distill" | "train", path: string, options: RunCommandOptions): Promise<void> {
  const overrides = options.seed === undefined ? options.set : [...options.set, `seed=${options.seed}`];
  const { recipe, directory: relativeTo } = await resolveRecipe(path, overrides);
  if (options.resume && !options.out) throw new LimbeckError("--resume needs --out: the directory of the run to go on with.");
  const name = recipe.name ?? basename(path, extname(path)).replace(/\.recipe$/, "");
  const out = options.out ?? (await freshDirectory("runs", name));
  const display = progressDisplay(options.quiet ?? false);
  try {
    const { report, directory } = await runResolved(command, recipe, { out, resume: options.resume, relativeTo, onProgress: display });
    display.stop();
    if (options.json) return printJson(report);
    process.stdout.write(`${reportTable(report, { color: process.stdout.isTTY ?? false, width: process.stdout.columns })}\n`);
    const shown = directory ?? out;
    process.stdout.write(`\n${join(shown, "student.onnx")}\n${join(shown, "report.html")}\n`);
  } catch (error) {
    display.stop();
    throw error;
  }
}
