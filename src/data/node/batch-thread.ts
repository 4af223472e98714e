import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { LimbeckError } from "../../errors.ts";
import { type BatchRequest, type MadeBatch, memoryOf, unpackError, type WorkerMessage, type WorkerSetup } from "./worker-messages.ts";

/** A thread that makes batches. */
export interface BatchThread {
  /** Resolves when the samples are open there. */
  readonly ready: Promise<unknown>;
  /** Requests are answered in their order. @throws what making the batch threw, or LimbeckError when the thread has ended. */
  make(request: BatchRequest): Promise<MadeBatch>;
  stop(): Promise<void>;
}

interface Waiting {
  readonly resolve: (message: WorkerMessage) => void;
  readonly reject: (error: unknown) => void;
}

export function startBatchThread(setup: WorkerSetup): BatchThread {
  const worker = newWorker(setup);
  const waiting: Waiting[] = [];
  let broken: { readonly error: unknown } | undefined;
  const fail = (error: unknown): void => {
    broken ??= { error };
    for (const { reject } of waiting.splice(0)) reject(broken.error);
  };
  worker.on("message", (message: WorkerMessage) => {
    if ("failure" in message) fail(unpackError(message.failure));
    else waiting.shift()?.resolve(message);
  });
  worker.on("error", (cause) => fail(ended(`failed: ${cause.message}`, cause)));
  worker.on("exit", () => fail(ended("has ended")));
  const answer = (): Promise<WorkerMessage> =>
    new Promise((resolve, reject) => {
      if (broken) reject(broken.error);
      else waiting.push({ resolve, reject });
    });
  return {
    ready: heardOrNot(answer()),
    make: (request) => {
      if (!broken) worker.postMessage(request, memoryOf(request.buffers));
      return heardOrNot(answer().then((message) => (message as { made: MadeBatch }).made));
    },
    stop: async () => {
      await worker.terminate();
    },
  };
}

/** A promise that may fail before anybody waits for it, or without. */
export function heardOrNot<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

function ended(what: string, cause?: unknown): LimbeckError {
  return new LimbeckError(`A thread that makes batches ${what}.`, {
    exitCode: 1,
    hint: "With `workers: 0` batches are made without threads.",
    cause,
  });
}

/** Beside this very file in the built package; run from source, it is TypeScript. */
const built = new URL("./batch-worker.js", import.meta.url);
const source = new URL("./batch-worker.ts", import.meta.url);
const fromSource = import.meta.url.endsWith(".ts");

/** Whether there is a file for threads to run: where an application is bundled into one file there is none. */
export const threadsAvailable = existsSync(fileURLToPath(fromSource ? source : built));

function newWorker(setup: WorkerSetup): Worker {
  // Nothing of the command line that Node was started with: it may be about the main program alone.
  if (!fromSource) return new Worker(built, { workerData: setup, execArgv: [] });
  const jiti = createRequire(import.meta.url).resolve("jiti");
  const file = fileURLToPath(source);
  return new Worker(`require(${JSON.stringify(jiti)}).createJiti(${JSON.stringify(file)}).import(${JSON.stringify(file)});`, {
    eval: true,
    workerData: setup,
    execArgv: [],
  });
}
