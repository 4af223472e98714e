import { readFileSync } from "node:fs";
import { writeAtomically } from "../src/run/files.ts";

/** Replaces what stands between `<!-- NAME begins -->` and `<!-- NAME ends -->` in a Markdown page by figures just measured. */
export async function writeSection(page: string, name: string, text: string): Promise<void> {
  const [begins, ends] = [`<!-- ${name} begins -->`, `<!-- ${name} ends -->`];
  const before = readFileSync(page, "utf8");
  const [start, end] = [before.indexOf(begins), before.indexOf(ends)];
  if (start < 0 || end < start) throw new Error(`${page} has no section "${name}".`);
  await writeAtomically(page, `${before.slice(0, start + begins.length)}\n\n${text}\n\n${before.slice(end)}`);
}
