import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { ElementType } from "../graph/tensor.ts";

/** What the process that loads the model is told. */
export interface MemoryTask {
  /** A file. */
  readonly model: string;
  readonly inputs: readonly { readonly name: string; readonly type: ElementType; readonly shape: readonly number[] }[];
  readonly threads?: number;
}

const MOST_MS = 5 * 60_000;

/** Beside this very file in the built package; run from source, it is TypeScript. */
const built = new URL("./memory-process.js", import.meta.url);
const source = new URL("./memory-process.node.ts", import.meta.url);

/**
 * The most memory that a model takes beyond that of the runtime itself, in bytes: the peak of the resident set of a process that loads it from
 * its file and runs it, less what the process had before, when a graph of one node had been loaded, run and released.
 *
 * @returns Nothing where the process ended without an answer, as when the system had no more memory to give.
 */
export async function measurePeakMemory(task: MemoryTask): Promise<number | undefined> {
  const told = JSON.stringify(task);
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [...program(), told], { timeout: MOST_MS });
    const { bytes } = JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as { bytes?: number };
    return bytes;
  } catch {
    return undefined;
  }
}

function program(): readonly string[] {
  if (!import.meta.url.endsWith(".ts")) return [fileURLToPath(built)];
  const [jiti, file] = [createRequire(import.meta.url).resolve("jiti"), fileURLToPath(source)].map((path) => JSON.stringify(path));
  return ["--eval", `require(${jiti}).createJiti(${file}).import(${file})`, "--"];
}
