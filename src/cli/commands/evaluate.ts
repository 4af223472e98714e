import { formatInteger, formatPercent } from "../../report/format.ts";
import { type EvaluateOptions, evaluate } from "../../run/evaluate.ts";
import { printJson } from "../output.ts";

/** `limbeck evaluate MODEL.onnx --data ...` */
export async function evaluateCommand(model: string, options: EvaluateOptions & { json?: boolean }): Promise<void> {
  const found = await evaluate(model, options);
  if (options.json) return printJson(found);
  const width = Math.max(...found.confusion.flat().map((count) => String(count).length), 3) + 1;
  const matrix = found.confusion.map(
    (row, label) => `  ${String(label).padStart(3)} ${row.map((count) => String(count || ".").padStart(width)).join("")}`,
  );
  const header = `      ${found.confusion.map((_, prediction) => String(prediction).padStart(width)).join("")}`;
  process.stdout.write(
    [
      `${found.model} on ${found.data} (${found.split}, ${formatInteger(found.samples)} samples)`,
      "",
      `Accuracy            ${formatPercent(found.accuracy)} (${formatInteger(found.errors)} errors)`,
      `Cross-entropy       ${found.loss.toFixed(4)} nats`,
      `Calibration error   ${formatPercent(found.calibrationError)} (15 bins)`,
      "",
      "Confusion: label by row, prediction by column",
      header,
      ...matrix,
      "",
    ].join("\n"),
  );
}
