import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The directory of Limbeck's own package.json, wherever this code was built to. */
export function packageRoot(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    try {
      if ((JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as { name?: string }).name === "limbeck") return directory;
    } catch {
      // Not here; look further up.
    }
    const parent = dirname(directory);
    if (parent === directory) throw new Error("Limbeck's package.json is missing from its installation.");
    directory = parent;
  }
}

export function packageVersion(): string {
  return (JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8")) as { version: string }).version;
}
