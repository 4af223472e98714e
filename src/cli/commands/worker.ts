import { LimbeckError } from "../../errors.ts";
import { formatDuration } from "../../report/format.ts";
import { startWorker } from "../../search/redis/worker.ts";

interface WorkerCommandOptions {
  readonly redis?: string;
  readonly store?: string;
  readonly concurrency?: number;
  readonly maxMemory?: number;
  readonly lock: number;
  readonly quiet?: boolean;
}

/** `limbeck worker` */
export async function workerCommand({ redis, store, lock, quiet, ...options }: WorkerCommandOptions): Promise<void> {
  if (!redis) throw new LimbeckError("A worker needs a Redis to wait at.", { hint: "Give its URL by --redis or LIMBECK_REDIS." });
  if (!store) {
    throw new LimbeckError("A worker needs the store with the data and models of its jobs.", {
      hint: "Give by --store or LIMBECK_STORE the directory that all machines share, or s3://BUCKET/PREFIX.",
    });
  }
  const worker = await startWorker({
    ...options,
    url: redis,
    store,
    lockSeconds: lock,
    onNotice: (text) => console.error(text),
    onJob: quiet
      ? undefined
      : (name, seconds, error) => console.error(`${name}  ${error ? `failed: ${error.message}` : formatDuration(seconds)}`),
  });
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
  console.error("Ending; what is under way is given back.");
  await worker.close();
}
