import { basename, extname, join } from "node:path";
import pc from "picocolors";
import { freshDirectory } from "../../run/directory.ts";
import { makeDirectory, writeAtomically } from "../../run/files.ts";
import { type Named, namedOverrides, quickRecipe } from "../../run/quick-recipe.ts";
import { resolveRecipe } from "../../run/run.ts";
import { auditPage } from "../../search/audit/audit-page.ts";
import { auditText } from "../../search/audit/audit-text.ts";
import { type AuditOptions, audit } from "../../search/audit/run-audit.ts";
import { printJson, shortPath } from "../output.ts";
import { progressDisplay } from "../progress.ts";

interface AuditCommandOptions extends Named, Omit<AuditOptions, "recipe" | "relativeTo" | "onRun" | "onProgress" | "signal"> {
  readonly out?: string;
  readonly seed?: number;
  readonly set?: readonly string[];
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `limbeck audit [RECIPE]` */
export async function auditCommand(path: string | undefined, options: AuditCommandOptions): Promise<void> {
  const overrides = [
    ...(await namedOverrides(options)),
    ...(options.set ?? []),
    ...(options.seed === undefined ? [] : [`seed=${options.seed}`]),
  ];
  const { recipe, directory: relativeTo } = await resolveRecipe(path ?? { content: quickRecipe("distill", options) }, overrides);
  const name = recipe.name ?? basename(path ?? "quick", extname(path ?? "")).replace(/\.recipe$/, "");
  const display = progressDisplay(options.quiet ?? false);
  const controller = new AbortController();
  const interrupted = () => {
    display.stop();
    // Ends the processes of the jobs.
    controller.abort(new Error("interrupted"));
    console.error("Interrupted.");
    process.exit(130);
  };
  process.once("SIGINT", interrupted);
  try {
    const report = await audit({
      ...options,
      recipe,
      relativeTo,
      onRun: (run, done, total) => display.onLine(`${String(done).padStart(String(total).length)} of ${total}  ${run}`),
      onProgress: display,
      signal: controller.signal,
    });
    display.stop();
    const out = options.out ?? (await freshDirectory("runs", `audit-${name}`));
    await makeDirectory(out);
    await writeAtomically(join(out, "audit.json"), `${JSON.stringify(report, null, 2)}\n`);
    await writeAtomically(join(out, "audit.html"), auditPage(report));
    if (options.json) return printJson(report);
    process.stdout.write(auditText(report, { color: process.stdout.isTTY === true && pc.isColorSupported }));
    process.stdout.write(`\n${shortPath(join(out, "audit.html"))}\n`);
  } finally {
    display.stop();
    process.off("SIGINT", interrupted);
  }
}
