import { dirname } from "node:path";
import { compareHtml } from "../../report/compare-html.ts";
import { compareTable } from "../../report/compare-table.ts";
import { type CompareOptions, compare } from "../../run/compare.ts";
import { makeDirectory, writeAtomically } from "../../run/files.ts";
import { printJson } from "../output.ts";
import { progressDisplay } from "../progress.ts";

interface CompareCommandOptions extends CompareOptions {
  readonly size?: CompareOptions["sizes"];
  readonly html?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `limbeck compare A.onnx B.onnx ...` */
export async function compareCommand(
  paths: readonly string[],
  { size, html, json, quiet = false, ...options }: CompareCommandOptions,
): Promise<void> {
  // First, so that no measurement is in vain.
  if (html !== undefined) await makeDirectory(dirname(html));
  const comparison = await compare(paths, { ...options, sizes: size, onStage: progressDisplay(quiet).onStage });
  if (html !== undefined) await writeAtomically(html, compareHtml(comparison));
  if (json) return printJson(comparison);
  process.stdout.write(compareTable(comparison, process.stdout.columns));
  if (html !== undefined) process.stdout.write(`\n${html}\n`);
}
