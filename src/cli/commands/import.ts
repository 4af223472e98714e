import { elementCount } from "../../graph/tensor.ts";
import { initializerRoles } from "../../graph/weights.ts";
import type { Head } from "../../nn/pretrained/encoder.ts";
import { formatCount } from "../../report/format.ts";
import { type ImportOptions, importModel, writeImported } from "../../run/import.ts";
import { printJson } from "../output.ts";

interface ImportCommandOptions extends ImportOptions {
  readonly out: string;
  readonly json?: boolean;
}

/** `limbeck import FOLDER --out FILE.onnx` */
export async function importCommand(folder: string, { out, json, ...options }: ImportCommandOptions): Promise<void> {
  const imported = await importModel(folder, options);
  const files = await writeImported(imported, out);
  const { graph, head, fresh, leftOut } = imported;
  const parameters = initializerRoles(graph).parameters.reduce(
    (total, name) => total + elementCount(graph.initializers.get(name)?.shape ?? []),
    0,
  );
  if (json) return printJson({ network: graph.name, parameters, outputs: graph.outputs, head, fresh, leftOut, files });
  const outputs = graph.outputs.map(({ name }) => name).join(", ");
  process.stdout.write(
    [
      `${graph.name}, ${formatCount(parameters)} parameters, gives ${outputs}${descriptionOf(head)}`,
      ...(fresh.length > 0 ? [`Drawn anew: ${fresh.join(", ")}`] : []),
      ...(leftOut.length > 0 ? [`Left out: ${leftOut.join(", ")}`] : []),
      ...(Object.hasOwn(imported.tokenizer, "tokenizer.json")
        ? []
        : ["The folder has no tokenizer.json, without which texts can't be read."]),
      ...files,
      "",
    ].join("\n"),
  );
}

function descriptionOf(head: Head): string {
  if (head.kind !== "embeddings") return "";
  return ` (${head.pooling === "cls" ? "the first token" : "the mean of all tokens"}${head.normalize === false ? "" : ", at length 1"})`;
}
