import { presets } from "../../distill/recipe/presets.ts";
import { lossTable } from "../../losses/table.ts";
import { columns } from "../../report/columns.ts";
import { printJson } from "../output.ts";

/** `limbeck methods` */
export function methodsCommand({ json }: { readonly json?: boolean }): void {
  const losses = Object.values(lossTable).map(({ name, of, summary, paper, weight }) => ({ name, of, summary, paper, weight }));
  const published = Object.entries(presets).map(([name, { summary, source }]) => ({ name, summary, source }));
  if (json) {
    printJson({ presets: published, losses });
    return;
  }
  process.stdout.write(
    [
      "Presets: published methods, named by `preset` in a recipe",
      "",
      ...columns(
        ["preset", "what it is", "hyper-parameters from"],
        published.map(({ name, summary, source }) => [name, summary, source]),
        "left",
      ),
      "",
      "Losses: composed freely under `losses` in a recipe, each with its weight",
      "",
      ...columns(
        ["loss", "on", "weight", "what it is", "paper"],
        losses.map(({ name, of, weight, summary, paper }) => [name, of, String(weight), summary, paper]),
        "left",
      ),
      "",
    ].join("\n"),
  );
}
