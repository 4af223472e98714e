import { execFile, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { JobAnswer, JobRequest } from "./job-messages.ts";

/** A child process that does jobs, one at a time. */
export interface JobProcess {
  /** What it answers, or how it ended without an answer. */
  ask(request: JobRequest): Promise<JobAnswer | { readonly lost: string }>;
  readonly alive: boolean;
  end(): void;
}

export interface JobProcessOptions {
  /** The file that it runs, which calls `serveJobs`. */
  readonly entry: URL;
  /** Bytes: one that has more is ended. */
  readonly maxMemory: number;
}

/** Beside this very file in the built package; run from source, it is TypeScript. */
const fromSource = import.meta.url.endsWith(".ts");
export const jobChild = new URL(fromSource ? "./job-child.ts" : "./job-child.js", import.meta.url);

const MEMORY_CHECK_MS = 200;
/** Of what it says on standard error, the end is kept for when it crashes. */
const KEPT_CHARACTERS = 2000;

export function startJobProcess({ entry, maxMemory }: JobProcessOptions): JobProcess {
  const child = spawn(process.execPath, programFor(entry), { stdio: ["ignore", "ignore", "pipe", "ipc"], serialization: "advanced" });
  let said = "";
  let ended: string | undefined;
  let answer: ((answer: JobAnswer | { lost: string }) => void) | undefined;
  const settle = (with_: JobAnswer | { lost: string }): void => {
    const waiting = answer;
    answer = undefined;
    waiting?.(with_);
  };
  const lose = (why: string): void => {
    ended ??= why;
    child.kill("SIGKILL");
    settle({ lost: ended });
  };
  child.stderr?.on("data", (text: Buffer) => {
    said = (said + text.toString()).slice(-KEPT_CHARACTERS);
  });
  child.on("message", (message) => settle(message as JobAnswer));
  child.on("error", (error) => lose(`it can't be started (${error.message})`));
  // After all that it said has arrived.
  child.on("close", (code, signal) => lose(`it ended by ${signal ?? `exit code ${code}`}${said.trim() && `: ${said.trim()}`}`));
  const watch = setInterval(async () => {
    const bytes = answer && child.pid !== undefined ? await residentBytes(child.pid) : 0;
    if (bytes > maxMemory) lose(`it took ${gigabytes(bytes)} of memory, and may take ${gigabytes(maxMemory)}`);
  }, MEMORY_CHECK_MS);
  watch.unref();
  child.once("close", () => clearInterval(watch));
  return {
    ask: (request) =>
      new Promise((resolve) => {
        if (ended !== undefined) return resolve({ lost: ended });
        answer = resolve;
        // What can't be sent is lost with the child, whose end is heard of.
        child.send(request, () => undefined);
      }),
    get alive() {
      return ended === undefined;
    },
    end: () => lose("it was ended"),
  };
}

/** Node's arguments. */
function programFor(entry: URL): readonly string[] {
  const file = fileURLToPath(entry);
  if (!file.endsWith(".ts")) return [file];
  const jiti = createRequire(import.meta.url).resolve("jiti");
  return ["-e", `require(${JSON.stringify(jiti)}).createJiti(${JSON.stringify(file)}).import(${JSON.stringify(file)});`];
}

/** The memory that a process takes; 0 where the system doesn't say. */
async function residentBytes(pid: number): Promise<number> {
  try {
    const status = process.platform === "linux" ? readFileSync(`/proc/${pid}/status`, "utf8") : await listed(pid);
    return 1024 * Number(/^(?:VmRSS:)?\s*(\d+)(?: kB)?$/m.exec(status)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

const listed = (pid: number): Promise<string> =>
  new Promise((resolve, reject) => {
    execFile("ps", ["-o", "rss=", "-p", String(pid)], (error, text) => (error ? reject(error) : resolve(text)));
  });

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toPrecision(3)} GB`;
