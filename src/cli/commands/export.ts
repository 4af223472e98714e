import { resolve } from "node:path";
import { type ExportOptions, exportForTransformers } from "../../export/transformers-folder.ts";
import { printJson } from "../output.ts";

interface ExportCommandOptions extends ExportOptions {
  readonly out: string;
  readonly json?: boolean;
}

/** `limbeck export MODEL.onnx --for transformers --out FOLDER` */
export async function exportCommand(model: string, { out, json, ...options }: ExportCommandOptions): Promise<void> {
  const { task, files } = await exportForTransformers(model, out, options);
  if (json) return printJson({ task, files });
  // The library takes a relative path for a model's name.
  process.stdout.write([...files, "", `It opens with: pipeline("${task}", ${JSON.stringify(resolve(out))})`, ""].join("\n"));
}
