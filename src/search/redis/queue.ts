import { type ConnectionOptions, Queue } from "bullmq";
import type { Redis } from "ioredis";
import { z } from "zod";
import { LimbeckError } from "../../errors.ts";
import { type Job, keyOf, type Versions } from "../jobs.ts";

/** All that Limbeck keeps in a Redis begins with this. */
export const PREFIX = "limbeck";
/** Where the names of all queues are. */
const QUEUES = `${PREFIX}:queues`;

/** A job as it is queued; it has its key as its id. Versions are in the queue's name too: a worker of others doesn't see it. */
const queuedJob = z.strictObject({
  kind: z.string().max(100),
  name: z.string().max(1000),
  input: z.unknown(),
  versions: z.strictObject({ limbeck: z.string(), runtime: z.string() }),
});
export type QueuedJob = z.output<typeof queuedJob>;

/** More is file content, which belongs in a store. */
const MOST_BYTES = 1_000_000;

export const describeVersions = ({ limbeck, runtime }: Versions): string => `limbeck ${limbeck}, ${runtime}`;

const queueName = (versions: Versions): string => describeVersions(versions).replaceAll(/[^\w.-]+/g, "_");

export const connectionOf = (redis: Redis): ConnectionOptions => redis as ConnectionOptions;

/** The queue of some versions, made known to `queuesOf`. */
export async function openQueue(redis: Redis, versions: Versions): Promise<Queue> {
  await redis.hset(QUEUES, queueName(versions), describeVersions(versions));
  return queueOf(redis, queueName(versions));
}

/** How many jobs are in each state, and how many workers wait for them. */
export interface QueueState {
  /** What it is for: `limbeck 0.1.0, onnxruntime-node 1.30.0`. */
  readonly versions: string;
  readonly workers: number;
  readonly waiting: number;
  readonly active: number;
  readonly completed: number;
  readonly failed: number;
  /** Names of what is under way. */
  readonly underWay: readonly string[];
}

/** Every queue of Limbeck's in a Redis, by name. */
export async function queuesOf(redis: Redis): Promise<ReadonlyMap<string, { readonly versions: string; readonly queue: Queue }>> {
  const names = await redis.hgetall(QUEUES);
  return new Map(Object.entries(names).map(([name, versions]) => [name, { versions, queue: queueOf(redis, name) }]));
}

function queueOf(redis: Redis, name: string): Queue {
  const queue = new Queue(name, { connection: connectionOf(redis), prefix: PREFIX });
  // The connection says what is the matter.
  queue.on("error", () => undefined);
  return queue;
}

export async function stateOf(versions: string, queue: Queue): Promise<QueueState> {
  const counts = await queue.getJobCounts("waiting", "delayed", "prioritized", "active", "completed", "failed");
  const { waiting = 0, delayed = 0, prioritized = 0, active = 0, completed = 0, failed = 0 } = counts;
  const underWay = (await queue.getActive()).map(({ name }) => name);
  return {
    versions,
    workers: await queue.getWorkersCount(),
    waiting: waiting + delayed + prioritized,
    active,
    completed,
    failed,
    underWay,
  };
}

/** @throws LimbeckError when the job is too large to be queued. */
export function toQueue({ kind, name, input }: Job, versions: Versions): QueuedJob {
  const queued = { kind, name, input, versions };
  const bytes = Buffer.byteLength(JSON.stringify(queued));
  if (bytes <= MOST_BYTES) return queued;
  throw new LimbeckError(`A job of ${bytes} bytes is too large to be queued: ${MOST_BYTES} are allowed.`, { where: name });
}

/** What stands in a queue may come from anywhere. @throws LimbeckError when it is no job, or not the one that its id says. */
export function fromQueue(id: string | undefined, data: unknown, versions: Versions): Job {
  const parsed = queuedJob.safeParse(data);
  if (!parsed.success) throw new LimbeckError(`What is queued is no job: ${parsed.error.issues[0]?.message}.`);
  const { kind, name, input } = parsed.data;
  if (describeVersions(parsed.data.versions) !== describeVersions(versions)) {
    throw new LimbeckError(`The job is for ${describeVersions(parsed.data.versions)}.`, { where: name });
  }
  const key = keyOf({ kind, input }, versions);
  if (key !== id) throw new LimbeckError("The job isn't the one that its key says.", { where: name });
  return { kind, name, input, key };
}
