import { basename } from "node:path";
import { listTaps } from "../../distill/taps.ts";
import { formatShape } from "../../graph/graph.ts";
import { columns } from "../../report/columns.ts";
import { readOnnxFile } from "../../run/onnx-file.ts";
import { printJson } from "../output.ts";

/** `limbeck inspect MODEL.onnx` */
export async function inspectCommand(path: string, { all, json }: { readonly all?: boolean; readonly json?: boolean }): Promise<void> {
  const taps = listTaps((await readOnnxFile(path)).graph);
  const shown = all ? taps : taps.filter(({ aliases }) => aliases.length > 0);
  if (json) return printJson({ model: basename(path), taps: shown });
  process.stdout.write(
    [
      `${basename(path)}: names to hint by, in the order in which they are computed`,
      "",
      ...columns(
        ["tensor", "operator", "shape", "alias"],
        shown.map(({ name, shape, op, aliases }) => [name, op, formatShape(shape), aliases.join(", ")]),
      ),
      ...(shown.length < taps.length ? ["", `... and ${taps.length - shown.length} without an alias: --all shows them.`] : []),
      "",
    ].join("\n"),
  );
}
