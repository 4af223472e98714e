/** `npx jiti scripts/list-losses.ts`: writes the tables of docs/losses.md anew from the code. */
import { fileURLToPath } from "node:url";
import { lossSchema } from "../src/distill/recipe/losses.ts";
import { presets } from "../src/distill/recipe/presets.ts";
import { lossTable } from "../src/losses/table.ts";
import { writeSection } from "./page-section.ts";

const cells = (...texts: readonly string[]): string => `| ${texts.map((text) => text.replaceAll("|", "\\|")).join(" | ")} |`;

/** What a recipe may say of a loss, with what it is when it doesn't. */
function optionsOf(name: string): string {
  const [options] = Object.values(lossSchema.parse({ [name]: {} }) as Record<string, Record<string, unknown>>);
  return Object.entries(options ?? {})
    .map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
    .join(", ");
}

/** The table of losses, in Markdown. */
export function listOfLosses(): string {
  const rows = Object.values(lossTable).map(({ name, of, summary, paper }) =>
    cells(`\`${name}: { ${optionsOf(name)} }\``, of, summary, paper),
  );
  return [cells("loss", "on", "what it is", "paper"), cells("---", "---", "---", "---"), ...rows].join("\n");
}

/** The table of presets, in Markdown. */
export function listOfPresets(): string {
  const rows = Object.entries(presets).map(([name, { summary, source }]) => cells(`\`${name}\``, summary, source));
  return [cells("preset", "what it is", "hyper-parameters from"), cells("---", "---", "---"), ...rows].join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await writeSection("docs/losses.md", "losses", listOfLosses());
  await writeSection("docs/losses.md", "presets", listOfPresets());
}
