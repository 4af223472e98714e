import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Finished, type Job, jobOf, resultsOf } from "../src/search/jobs.ts";
import { connectRedis } from "../src/search/redis/connection.ts";
import { openQueue } from "../src/search/redis/queue.ts";
import { type RedisOptions, redisExecutor } from "../src/search/redis/redis-executor.ts";
import { scratch } from "./limbeck.ts";
import { NO_REDIS, type RedisServer, redisProgram, startRedis } from "./redis-server.ts";
import { startWorkerProcess, type WorkerProcess } from "./workers.ts";

if (!redisProgram) console.log(`Left out: ${NO_REDIS}`);

const { path: place, remove } = scratch();
const entry = new URL("../src/search/job-child.fixture.ts", import.meta.url).href;
const versions = { limbeck: "1.0.0", runtime: "test 1" };
let server: RedisServer;
const workers: WorkerProcess[] = [];
const closing: (() => Promise<void>)[] = [];

const job = (kind: string, input: unknown): Job => jobOf(kind, `${kind} ${JSON.stringify(input)}`, input, versions);
const linesOf = (path: string): string[] => (existsSync(path) ? readFileSync(path, "utf8").trim().split("\n") : []);

async function executor(options: Partial<RedisOptions> = {}) {
  const made = await redisExecutor({ url: server.url, versions, sweepSeconds: 0.5, ...options });
  closing.push(made.close);
  return made;
}

async function worker(options: object = {}): Promise<WorkerProcess> {
  const started = startWorkerProcess({
    url: server.url,
    store: join(place, "store"),
    versions,
    concurrency: 1,
    lockSeconds: 1,
    entry,
    ...options,
  });
  workers.push(started);
  await started.ready;
  return started;
}

describe.runIf(redisProgram)("jobs by Redis", () => {
  beforeAll(async () => {
    mkdirSync(join(place, "redis"));
    server = await startRedis(join(place, "redis"));
  });
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
    await Promise.all(workers.splice(0).map(({ kill }) => kill("SIGKILL")));
  });
  afterAll(async () => {
    await server.stop();
    remove();
  });

  test("come back in their order, each done once, by whichever worker", async () => {
    const log = join(place, "done.log");
    const { run } = await executor();
    await Promise.all([worker(), worker()]);
    const jobs = Array.from({ length: 12 }, (_, value) => job("echo", { value, ms: (value * 37) % 60, log }));
    const told: Finished[] = [];
    const finished = await run([...jobs, ...jobs.slice(0, 3)], { onResult: (one) => told.push(one) });
    expect(resultsOf(finished)).toEqual([...jobs.keys(), 0, 1, 2]);
    expect(told).toHaveLength(12);
    expect(linesOf(log)).toHaveLength(12);
    // Another who asks gets what is there; who asks for it again, what is done again.
    const other = await executor();
    expect(resultsOf(await other.run(jobs))).toEqual([...jobs.keys()]);
    expect(linesOf(log)).toHaveLength(12);
    expect(resultsOf(await other.run(jobs.slice(0, 2), { again: true }))).toEqual([0, 1]);
    expect(linesOf(log)).toHaveLength(14);
  });

  test("that fail say why, and are tried again where it is no fault of theirs", async () => {
    const { run } = await executor();
    await worker();
    const missing = `sha256:${"0".repeat(64)}.onnx`;
    const finished = await run([
      job("refuse", 0),
      job("crash", { once: join(place, "once") }),
      job("echo", { value: { nested: [1, null, "text"] } }),
      job("echo", { value: "text" }),
      job("echo", { value: 1, files: { "teacher.onnx": missing } }),
    ]);
    expect(finished.map(({ result, error }) => error?.message ?? result)).toEqual([
      "It can't be done.",
      "done",
      { nested: [1, null, "text"] },
      "text",
      expect.stringMatching(/The store .* lacks "teacher.onnx"/),
    ]);
    expect(finished[0]?.error).toMatchObject({ where: "here", hint: "Do something else." });
  });

  test("of a worker that dies are done by another", async () => {
    const log = join(place, "taken.log");
    const { run } = await executor();
    const first = await worker();
    const running = run([job("echo", { value: 5, ms: 1500, log })]);
    while (linesOf(log).length === 0) await sleep(10);
    await first.kill("SIGKILL");
    await worker();
    expect(resultsOf(await running)).toEqual([5]);
    expect(linesOf(log)).toHaveLength(2);
  });

  test("of a worker that is asked to end are given back at once", async () => {
    const log = join(place, "back.log");
    const { run } = await executor();
    const first = await worker({ lockSeconds: 300 });
    const running = run([job("echo", { value: 6, ms: 700, log })]);
    while (linesOf(log).length === 0) await sleep(10);
    await first.kill("SIGTERM");
    await worker({ lockSeconds: 300 });
    expect(resultsOf(await running)).toEqual([6]);
    expect(linesOf(log)).toHaveLength(2);
  });

  test("are left alone by a worker of another version, which says so", async () => {
    const { run } = await executor();
    const running = run([job("echo", { value: 7 })]);
    await sleep(200);
    const stranger = await worker({ versions: { ...versions, limbeck: "2.0.0" } });
    while (!stranger.said().includes("leaves them alone")) await sleep(20);
    expect(stranger.said()).toContain("1 jobs wait for limbeck 1.0.0, test 1");
    await worker();
    expect(resultsOf(await running)).toEqual([7]);
    expect(stranger.said()).not.toContain("did ");
  });

  test("outlive a restart of Redis, even one that forgets them", async () => {
    const log = join(place, "restart.log");
    const notices: string[] = [];
    const { run } = await executor({ onNotice: (text) => notices.push(text) });
    await worker();
    const jobs = Array.from({ length: 8 }, (_, value) => job("echo", { value: value + 100, ms: 150, log }));
    const running = run(jobs);
    while (linesOf(log).length < 2) await sleep(10);
    await server.restart();
    while (linesOf(log).length < 4) await sleep(10);
    const connection = await connectRedis(server.url);
    await connection.redis.flushall();
    connection.close();
    expect(resultsOf(await running)).toEqual(jobs.map((_, index) => index + 100));
    expect(notices.some((text) => text.includes("is back"))).toBe(true);
  });

  test("that aren't what they say are refused", async () => {
    await worker();
    const connection = await connectRedis(server.url);
    const queue = await openQueue(connection.redis, versions);
    const one = job("echo", { value: "forged", log: join(place, "forged.log") });
    const { kind, name, input, key } = one;
    const forged = [
      { id: "a".repeat(64), data: { kind, name, input, versions } },
      { id: "b".repeat(64), data: { kind, name, input: { value: 1 }, versions, run: "rm" } },
      { id: key, data: { kind, name, input: { value: "other" }, versions } },
      { id: "c".repeat(64), data: "text" },
    ];
    for (const { id, data } of forged) await queue.add("forged", data, { jobId: id });
    while ((await queue.getFailedCount()) < forged.length) await sleep(20);
    expect(existsSync(join(place, "forged.log"))).toBe(false);
    await queue.close();
    connection.close();
    // Who really asks for that job has it done.
    expect(resultsOf(await (await executor()).run([one]))).toEqual(["forged"]);
  });

  test("a Redis that isn't there, or wants a password, is a user's mistake", async () => {
    await expect(redisExecutor({ url: "redis://127.0.0.1:1" })).rejects.toThrow("No Redis answers there");
    await expect(redisExecutor({ url: "http://127.0.0.1:1" })).rejects.toThrow("A Redis is given as a URL.");
    for (const other of [server.url.replace("secret", "wrong"), server.url.replace(":secret@", "")]) {
      const error = await connectRedis(other).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ message: "This Redis wants another password.", where: expect.not.stringContaining("wrong") });
    }
  });
});
