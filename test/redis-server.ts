import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";

/** The server of this machine, Redis or Valkey, if there is one. */
export const redisProgram: string | undefined = ["redis-server", "valkey-server"].find(
  (name) => spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0,
);

/** Why tests of the queue are left out, where they are. */
export const NO_REDIS = "no redis-server on this machine (Debian: apt-get install redis-server)";

export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** Ends it at once, as a power cut would, and starts it from what it had written. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** That clients must give, in the URL. */
const PASSWORD = "secret";

/** Starts a server of its own on a free port, of loopback unless said, which keeps what it is told in a directory. */
export async function startRedis(directory: string, host = "127.0.0.1"): Promise<RedisServer> {
  const port = await freePort();
  let server = await launch(directory, host, port);
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const exited = once(server, "exit");
    server.kill(signal);
    await exited;
  };
  return {
    url: `redis://:${PASSWORD}@${host}:${port}`,
    port,
    restart: async () => {
      await end("SIGKILL");
      server = await launch(directory, host, port);
    },
    stop: () => end("SIGTERM"),
  };
}

async function launch(directory: string, host: string, port: number): Promise<ChildProcess> {
  const settings = {
    port,
    bind: host,
    requirepass: PASSWORD,
    dir: directory,
    appendonly: "yes",
    save: "",
    "maxmemory-policy": "noeviction",
  };
  const words = Object.entries(settings).flatMap(([key, value]) => [`--${key}`, String(value)]);
  const server = spawn(redisProgram as string, words, { stdio: "ignore" });
  const redis = new Redis({ host, port, password: PASSWORD, retryStrategy: () => 50, maxRetriesPerRequest: null });
  redis.on("error", () => undefined);
  // It answers while it still reads what it had written.
  while ((await redis.ping().catch(() => "")) !== "PONG") await sleep(20);
  redis.disconnect();
  return server;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
