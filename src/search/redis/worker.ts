import { randomUUID } from "node:crypto";
import { type Job as Queued, UnrecoverableError, WaitingError, Worker } from "bullmq";
import { z } from "zod";
import { LimbeckError } from "../../errors.ts";
import { type Job, type Versions, versionsHere } from "../jobs.ts";
import { LostJob, localExecutor } from "../local-executor.ts";
import { openStore } from "../open-store.ts";
import { REFERENCE } from "../recipe-files.ts";
import type { Store } from "../store.ts";
import { connectRedis } from "./connection.ts";
import { connectionOf, describeVersions, fromQueue, openQueue, PREFIX, queuesOf, stateOf } from "./queue.ts";

export interface WorkerOptions {
  readonly url: string;
  /** A directory, or `s3://bucket/prefix`. */
  readonly store: string;
  /** Jobs at a time, each in a process of its own with one thread. */
  readonly concurrency?: number;
  /** Bytes that each of them may take. */
  readonly maxMemory?: number;
  /** After so many seconds without a sign of life a worker's jobs are given to others. */
  readonly lockSeconds?: number;
  readonly versions?: Versions;
  readonly entry?: URL;
  readonly onNotice?: (text: string) => void;
  /** Is told of each job that it did. */
  readonly onJob?: (name: string, seconds: number, error?: Error) => void;
}

const LOCK_SECONDS = 30;
/** Times that a job may be lost with its worker, before it is taken for the reason. */
const MOST_STALLED = 20;

/** Jobs that name files. */
const naming = z.looseObject({ files: z.record(z.string(), z.string().regex(REFERENCE)) });

/**
 * Does the jobs that wait at a Redis, until it is closed; then what is under way is given back. Jobs run in child processes, since a process
 * that trains answers nothing meanwhile, and would be taken for dead.
 *
 * @throws LimbeckError when no Redis answers.
 */
export async function startWorker(options: WorkerOptions): Promise<{ close(): Promise<void> }> {
  const { versions = versionsHere(), lockSeconds = LOCK_SECONDS, onNotice, onJob } = options;
  const store = openStore(options.store);
  await store.check();
  const connection = await connectRedis(options.url, onNotice);
  const queue = await openQueue(connection.redis, versions);
  const pool = localExecutor({
    context: { relativeTo: store.directory, cache: store.teacherCache, store: store.name },
    jobs: options.concurrency,
    maxMemory: options.maxMemory,
    entry: options.entry,
    // The queue tries again, and elsewhere.
    attempts: 1,
  });
  let closing = false;
  const perform = async (queued: Queued, token?: string): Promise<unknown> => {
    const job = checked(queued, versions);
    await bringFiles(job, store);
    const [finished] = await pool.run([job]);
    if (closing) {
      await queued.moveToWait(token);
      throw new WaitingError();
    }
    onJob?.(job.name, finished?.seconds ?? 0, finished?.error);
    if (!finished?.error) return finished?.result;
    throw finished.error instanceof LostJob ? finished.error : new UnrecoverableError(packed(finished.error));
  };
  const worker = new Worker(queue.name, perform, {
    connection: connectionOf(connection.redis),
    prefix: PREFIX,
    name: randomUUID(),
    concurrency: pool.parallel,
    lockDuration: 1000 * lockSeconds,
    stalledInterval: 1000 * lockSeconds,
    maxStalledCount: MOST_STALLED,
  });
  worker.on("error", (error) => {
    // Connections that are lost are told of by themselves.
    if (!("code" in error) && !/connection/i.test(error.message)) onNotice?.(error.message);
  });
  await worker.waitUntilReady();
  onNotice?.(`Waiting for jobs of ${describeVersions(versions)}, ${pool.parallel} at a time.`);
  for (const { versions: others, queue: other } of (await queuesOf(connection.redis)).values()) {
    const { waiting, active } = await stateOf(others, other);
    if (others !== describeVersions(versions) && waiting + active > 0) {
      onNotice?.(`${waiting + active} jobs wait for ${others}: this worker is of other versions, and leaves them alone.`);
    }
    await other.close();
  }
  return {
    close: async () => {
      closing = true;
      await pool.close();
      await worker.close();
      await queue.close();
      connection.close();
    },
  };
}

/** @throws UnrecoverableError when it is no job that this worker would do. */
function checked({ id, data }: Queued, versions: Versions): Job {
  try {
    return fromQueue(id, data, versions);
  } catch (error) {
    throw new UnrecoverableError(packed(error as Error));
  }
}

/**
 * Brings what a job names to this machine, once for all of its processes.
 *
 * @throws LimbeckError when the store lacks it. That may be another machine's, or come late, so that the job is tried again.
 */
async function bringFiles({ name, input }: Job, store: Store): Promise<void> {
  const { data } = naming.safeParse(input);
  for (const [path, reference] of Object.entries(data?.files ?? {})) {
    if (await store.bring(reference)) continue;
    throw new LimbeckError(`The store ${store.name} lacks "${path}" (${reference}), which "${name}" needs.`, {
      hint: "Give all machines the same --store.",
    });
  }
}

/** An error as text that arrives whole. */
function packed(error: Error): string {
  const { where, hint, exitCode } = error instanceof LimbeckError ? error : {};
  return JSON.stringify({ message: error.message, where, hint, exitCode });
}
