import { existsSync } from "node:fs";
import { basename, extname, join } from "node:path";
import pc from "picocolors";
import { LimbeckError } from "../../errors.ts";
import { reportTable } from "../../report/table.ts";
import { freshDirectory } from "../../run/directory.ts";
import { type Named, namedOverrides, quickRecipe } from "../../run/quick-recipe.ts";
import { resolveRecipe, runResolved } from "../../run/run.ts";
import type { Device } from "../../runtime/runtime.ts";
import { printJson, shortPath } from "../output.ts";
import { progressDisplay } from "../progress.ts";

interface RunCommandOptions extends Named {
  readonly out?: string;
  readonly seed?: number;
  readonly device?: Device;
  readonly set?: readonly string[];
  readonly resume?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `limbeck distill [RECIPE]` and `limbeck train [RECIPE]`. */
export async function runCommand(command: "distill" | "train", path: string | undefined, options: RunCommandOptions): Promise<void> {
  if (options.resume && !options.out) throw new LimbeckError("--resume needs --out: the directory of the run to go on with.");
  const own = (["seed", "device"] as const).flatMap((key) => (options[key] === undefined ? [] : [`${key}=${options[key]}`]));
  const overrides = [...(await namedOverrides(options)), ...(options.set ?? []), ...own];
  const { recipe, directory: relativeTo } = await resolveRecipe(path ?? { content: quickRecipe(command, options) }, overrides);
  const name = recipe.name ?? basename(path ?? command, extname(path ?? "")).replace(/\.recipe$/, "");
  const out = options.out ?? (await freshDirectory("runs", name));
  const display = progressDisplay(options.quiet ?? false);
  const interrupted = () => {
    display.stop();
    const begun = existsSync(join(out, "recipe.json"));
    console.error(begun ? `Interrupted. To go on, run the same command with --out ${out} --resume.` : "Interrupted.");
    process.exit(130);
  };
  process.once("SIGINT", interrupted);
  try {
    const { report } = await runResolved(command, recipe, { out, resume: options.resume, relativeTo, onProgress: display });
    display.stop();
    if (options.json) return printJson(report);
    const { isTTY = false, columns } = process.stdout;
    process.stdout.write(`${reportTable(report, { color: isTTY && pc.isColorSupported, width: columns })}\n`);
    for (const file of ["student.onnx", "report.html"]) process.stdout.write(`${shortPath(join(out, file))}\n`);
  } finally {
    display.stop();
    process.off("SIGINT", interrupted);
  }
}
