import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { WorkerOptions } from "../src/search/redis/worker.ts";
import { root } from "./limbeck.ts";

export interface WorkerProcess {
  readonly child: ChildProcess;
  /** What it has said. */
  readonly said: () => string;
  readonly ready: Promise<void>;
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** Starts a worker in a process of its own. @param under What to run Node under, such as `["ip", "netns", "exec", "NAME"]`. */
export function startWorkerProcess(
  options: Omit<WorkerOptions, "entry"> & { readonly entry?: string },
  under: readonly string[] = [],
): WorkerProcess {
  const jiti = join(root, "node_modules/jiti/lib/jiti-cli.mjs");
  const words = [...under, process.execPath, jiti, join(root, "src/search/redis/worker.fixture.ts"), JSON.stringify(options)];
  const child = spawn(words[0] as string, words.slice(1), { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  const ready = new Promise<void>((resolve, reject) => {
    child.stdout?.on("data", (text: Buffer) => {
      said += text.toString();
      if (said.includes("Waiting for jobs")) resolve();
    });
    child.once("exit", () => reject(new Error(`The worker ended: ${said}`)));
  });
  // Killed before it is ready is no error of the test.
  ready.catch(() => undefined);
  return {
    child,
    ready,
    said: () => said,
    kill: async (signal) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, "exit");
      child.kill(signal);
      await exited;
    },
  };
}
