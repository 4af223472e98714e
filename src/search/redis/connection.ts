import { Redis } from "ioredis";
import { LimbeckError } from "../../errors.ts";

const CONNECT_MS = 5000;
const MOST_WAIT_MS = 5000;

/** A connection that comes back by itself when it is lost: what is asked meanwhile waits. */
export interface Connection {
  readonly redis: Redis;
  close(): void;
}

/** The URL without what is secret in it. */
export function withoutPassword(url: string): string {
  try {
    const parsed = new URL(url);
    if (parsed.password) parsed.password = "***";
    return parsed.toString();
  } catch {
    return "the URL";
  }
}

/**
 * Connects to a Redis or Valkey.
 *
 * @param onTrouble Is told when the connection is lost, and when it is back.
 * @throws LimbeckError when nothing answers there, or it wants another password.
 */
export async function connectRedis(url: string, onTrouble?: (text: string) => void): Promise<Connection> {
  const where = withoutPassword(url);
  if (!/^rediss?:\/\//.test(url)) {
    throw new LimbeckError("A Redis is given as a URL.", { where, hint: "For example: --redis redis://127.0.0.1:6379" });
  }
  await probe(url, where);
  const redis = new Redis(url, {
    // BullMQ asks for it: what is blocked for long must not be given up.
    maxRetriesPerRequest: null,
    retryStrategy: (times) => Math.min(100 * 2 ** Math.min(times, 10), MOST_WAIT_MS),
  });
  let [lost, closed] = [false, false];
  // An error that nobody listens to would end the process.
  redis.on("error", () => undefined);
  redis.on("close", () => {
    if (!lost && !closed) onTrouble?.(`The connection to ${where} is lost; waiting for it to come back.`);
    lost = true;
  });
  redis.on("ready", () => {
    if (lost) onTrouble?.(`The connection to ${where} is back.`);
    lost = false;
  });
  return {
    redis,
    close: () => {
      closed = true;
      redis.disconnect();
    },
  };
}

/** @throws LimbeckError when no Redis answers. */
async function probe(url: string, where: string): Promise<void> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null, connectTimeout: CONNECT_MS, maxRetriesPerRequest: 0 });
  let cause: Error | undefined;
  redis.on("error", (error) => {
    cause = error;
  });
  try {
    await redis.connect();
    await redis.ping();
  } catch (error) {
    const reason = cause ?? (error as Error);
    const wrongPassword = /NOAUTH|WRONGPASS/.test(reason.message);
    throw new LimbeckError(wrongPassword ? "This Redis wants another password." : `No Redis answers there: ${reason.message}`, {
      where,
      hint: wrongPassword ? "Give it in the URL: redis://:PASSWORD@HOST:PORT" : "Start one (redis-server), or correct the URL.",
      exitCode: 1,
      cause: error,
    });
  } finally {
    redis.disconnect();
  }
}
