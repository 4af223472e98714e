import { type Queue, type Job as Queued, QueueEvents } from "bullmq";
import { z } from "zod";
import { LimbeckError } from "../../errors.ts";
import { type Ending, type Executor, type Job, type RunOptions, type Versions, versionsHere } from "../jobs.ts";
import { gathered } from "../local-executor.ts";
import type { ResultLog } from "../result-log.ts";
import { connectRedis } from "./connection.ts";
import { connectionOf, describeVersions, openQueue, PREFIX, toQueue } from "./queue.ts";

export interface RedisOptions {
  readonly url: string;
  /** Of jobs and the workers that take them; those of this process unless given. */
  readonly versions?: Versions;
  /** How many jobs at a time it is worth having under way. */
  readonly parallel?: number;
  /** How often what is waited for is looked for, beside being told of it. */
  readonly sweepSeconds?: number;
  readonly onNotice?: (text: string) => void;
}

/** Times that a job is tried that fails by no fault of its own. */
const ATTEMPTS = 3;
const BACKOFF_MS = 1000;
/** A result is kept for so long: 30 days. */
const KEPT_SECONDS = 30 * 24 * 3600;
const SWEEP_SECONDS = 5;
/** Jobs looked for at a time. */
const CHUNK = 500;
/** Parallel jobs, where nobody says how many workers there are. */
const PARALLEL = 8;

/** What a worker says when a job fails for good. */
const failure = z.object({
  message: z.string(),
  where: z.string().optional(),
  hint: z.string().optional(),
  exitCode: z.literal([1, 2]).optional(),
});

interface Waiting {
  readonly job: Job;
  readonly since: number;
  /** Before, what is found under its key may be of another time. */
  queued: boolean;
  readonly log?: ResultLog;
  readonly settle: (ending: Ending) => void;
}

/**
 * Has jobs done by workers that wait at a Redis. It is told of results as they come, and looks itself now and then: so it also finds what was
 * done while the connection was lost, and queues anew what a Redis has forgotten that was restarted.
 *
 * @throws LimbeckError when no Redis answers.
 */
export async function redisExecutor(options: RedisOptions): Promise<Executor> {
  const { url, versions = versionsHere(), sweepSeconds = SWEEP_SECONDS, parallel = PARALLEL, onNotice } = options;
  const connection = await connectRedis(url, onNotice);
  const queue = await openQueue(connection.redis, versions);
  const events = new QueueEvents(queue.name, { connection: connectionOf(connection.redis), prefix: PREFIX });
  events.on("error", () => undefined);
  await events.waitUntilReady();
  const waiting = new Map<string, Waiting>();
  const underWay = new Map<string, Promise<Ending>>();

  const finish = (key: string, ending: () => Omit<Ending, "known" | "seconds">): void => {
    const found = waiting.get(key);
    if (!found) return;
    waiting.delete(key);
    const ended: Ending = { ...ending(), known: false, seconds: (performance.now() - found.since) / 1000 };
    if (!ended.error) found.log?.add({ key, name: found.job.name, result: ended.result });
    found.settle(ended);
  };
  events.on("completed", ({ jobId, returnvalue }) => finish(jobId, () => ({ result: returnvalue as unknown })));
  events.on("failed", ({ jobId, failedReason }) => finish(jobId, () => ({ error: errorOf(failedReason) })));
  const sweep = sweeper(queue, versions, waiting, finish);
  const timer = setInterval(() => void sweep().catch(() => undefined), 1000 * sweepSeconds);
  void sayIfAlone(queue, versions, onNotice);

  const enqueue = (job: Job, log?: ResultLog): Promise<Ending> => {
    const ending = new Promise<Ending>((settle) => {
      waiting.set(job.key, { job, log, settle, since: performance.now(), queued: false });
    }).finally(() => underWay.delete(job.key));
    underWay.set(job.key, ending);
    return ending;
  };
  return {
    parallel,
    run: async (jobs, options: RunOptions = {}) => {
      const fresh: Job[] = [];
      const finished = gathered(jobs, options, (job) => {
        const already = underWay.get(job.key);
        if (!already) fresh.push(job);
        return already ?? enqueue(job, options.log);
      });
      // Heard of below, should queueing fail first.
      finished.catch(() => undefined);
      await queueAll(queue, versions, fresh, options.again ?? false, finish);
      for (const { key } of fresh) {
        const found = waiting.get(key);
        if (found) found.queued = true;
      }
      return untilAborted(finished, options.signal);
    },
    close: async () => {
      clearInterval(timer);
      await Promise.allSettled([events.close(), queue.close()]);
      connection.close();
    },
  };
}

/** The queue goes on with what it has when nobody waits any more. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason as Error);
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

type Finish = (key: string, ending: () => Omit<Ending, "known" | "seconds">) => void;

/** Queues jobs as far as they aren't; takes the results that are there, and gives failed ones another try. */
async function queueAll(queue: Queue, versions: Versions, jobs: readonly Job[], again: boolean, finish: Finish): Promise<void> {
  for (let first = 0; first < jobs.length; first += CHUNK) {
    const chunk = jobs.slice(first, first + CHUNK);
    const there = await Promise.all(chunk.map(({ key }) => queue.getJob(key)));
    const missing: Job[] = [];
    for (const [index, job] of chunk.entries()) {
      const known = there[index];
      if (known?.finishedOn && !known.failedReason && !again) finish(job.key, () => ({ result: known.returnvalue as unknown }));
      else if (known?.finishedOn) {
        await known.remove();
        missing.push(job);
      } else if (!known) missing.push(job);
    }
    await add(queue, versions, missing);
  }
}

async function add(queue: Queue, versions: Versions, jobs: readonly Job[]): Promise<void> {
  const kept = { age: KEPT_SECONDS };
  const opts = { attempts: ATTEMPTS, backoff: { type: "exponential", delay: BACKOFF_MS }, removeOnComplete: kept, removeOnFail: kept };
  await queue.addBulk(jobs.map((job) => ({ name: job.name, data: toQueue(job, versions), opts: { ...opts, jobId: job.key } })));
}

/** Looks for what is waited for. */
function sweeper(queue: Queue, versions: Versions, waiting: ReadonlyMap<string, Waiting>, finish: Finish): () => Promise<void> {
  let sweeping = false;
  return async () => {
    if (sweeping) return;
    sweeping = true;
    try {
      const asked = [...waiting.values()].flatMap(({ job, queued }) => (queued ? [job] : []));
      for (let first = 0; first < asked.length; first += CHUNK) {
        const chunk = asked.slice(first, first + CHUNK);
        const found: readonly (Queued | undefined)[] = await Promise.all(chunk.map(({ key }) => queue.getJob(key)));
        const lost = chunk.filter(({ key }, index) => {
          const job = found[index];
          if (job?.finishedOn) {
            finish(key, () => (job.failedReason ? { error: errorOf(job.failedReason) } : { result: job.returnvalue as unknown }));
          }
          return !job && waiting.has(key);
        });
        await add(queue, versions, lost);
      }
    } finally {
      sweeping = false;
    }
  };
}

function errorOf(reason: string): Error {
  try {
    const { message, ...more } = failure.parse(JSON.parse(reason));
    return new LimbeckError(message, more);
  } catch {
    return new LimbeckError(`A worker failed: ${reason}`, { exitCode: 1, hint: "The worker's own messages say more." });
  }
}

async function sayIfAlone(queue: Queue, versions: Versions, onNotice: RedisOptions["onNotice"]): Promise<void> {
  if ((await queue.getWorkersCount().catch(() => 1)) > 0) return;
  onNotice?.(`No worker of ${describeVersions(versions)} waits there yet: start some with \`limbeck worker\`.`);
}
