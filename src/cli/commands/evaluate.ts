import { dirname } from "node:path";
import { evaluationText } from "../../report/evaluation-text.ts";
import { evaluationHtml } from "../../report/html-evaluation.ts";
import { type EvaluateOptions, evaluate } from "../../run/evaluate.ts";
import { makeDirectory, writeAtomically } from "../../run/files.ts";
import { packageVersion } from "../../run/package.ts";
import { printJson } from "../output.ts";

interface EvaluateCommandOptions extends EvaluateOptions {
  readonly html?: string;
  readonly json?: boolean;
}

/** `limbeck evaluate MODEL.onnx --data ...` */
export async function evaluateCommand(model: string, { html, json, ...options }: EvaluateCommandOptions): Promise<void> {
  if (html !== undefined) await makeDirectory(dirname(html));
  const found = await evaluate(model, options);
  if (html !== undefined) await writeAtomically(html, evaluationHtml(found, packageVersion()));
  // Pictures are for pages.
  if (json) return printJson({ ...found, mistakes: found.mistakes.map(({ image: _, ...mistake }) => mistake) });
  process.stdout.write(evaluationText(found));
  if (html !== undefined) process.stdout.write(`\n${html}\n`);
}
