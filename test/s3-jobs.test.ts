import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { writeOnnx } from "../src/graph/onnx/write.ts";
import { mlp } from "../src/nn/zoo/mlp.ts";
import { type S3Server, startS3 } from "../src/search/s3/s3-server.fixture.ts";
import type { SearchReport } from "../src/search/search-report.ts";
import { filesIn, limbeck, scratch, writeRecipe, writeSmallMnist } from "./limbeck.ts";
import { NO_REDIS, type RedisServer, redisProgram, startRedis } from "./redis-server.ts";
import { startWorkerProcess, type WorkerProcess } from "./workers.ts";

if (!redisProgram) console.log(`Left out: ${NO_REDIS}`);

const { path: place, remove } = scratch();
const STORE = "s3://data/searches";
let server: RedisServer;
let s3: S3Server;
let worker: WorkerProcess;

describe.runIf(redisProgram)("a store on S3, for machines that share nothing else", () => {
  beforeAll(async () => {
    for (const name of ["redis", "worker", "searcher"]) mkdirSync(join(place, name));
    writeSmallMnist(join(place, "searcher/mnist"), { train: 500, test: 50 });
    writeFileSync(join(place, "searcher/teacher.onnx"), writeOnnx(mlp({ inputShape: [1, 28, 28], hidden: [16], classes: 10, seed: 7 })));
    writeRecipe(join(place, "searcher/recipe.yaml"), {
      data: { idx: "mnist", validation: 100 },
      teacher: "teacher.onnx",
      student: { zoo: "mlp", hidden: [8] },
      losses: [{ hinton: {} }],
      optimizer: { sgd: { learningRate: 0.05 } },
      epochs: 1,
      batchSize: 25,
    });
    [server, s3] = await Promise.all([startRedis(join(place, "redis")), startS3()]);
    for (const [name, value] of Object.entries(s3.env)) vi.stubEnv(name, value);
    worker = startWorkerProcess({ url: server.url, store: STORE, concurrency: 2 }, ["env", "-C", join(place, "worker")]);
    await worker.ready;
  });
  afterAll(async () => {
    await worker?.kill("SIGKILL");
    await server?.stop();
    await s3?.stop();
    vi.unstubAllEnvs();
    remove();
  });

  test("has searches come to what they come to on one machine, and teachers' outputs come back", async () => {
    const cwd = join(place, "searcher");
    const search = async (...more: string[]) => {
      const { code, stdout, stderr } = await limbeck(
        ["search", "temperature", "recipe.yaml", "--grid", "1,4", "--seeds", "2", "--no-final", "--json", ...more],
        { cwd },
      );
      expect([code, stderr]).toEqual([0, expect.anything()]);
      return (JSON.parse(stdout) as SearchReport).trials;
    };
    const remote = await search("--redis", server.url, "--store", STORE, "--out", "remote");
    expect(await search("--jobs", "2", "--out", "local")).toEqual(remote);
    expect(worker.said()).toMatch(/did teacher 1/);
    const shards = [...s3.objects.keys()].filter((name) => name.startsWith("data/searches/teacher-cache/") && name.endsWith(".shard"));
    expect(shards).toHaveLength(1);
    const alone = filesIn(join(cwd, ".cache/limbeck/teacher"));
    const { code } = await limbeck(
      ["cache", "recipe.yaml", "--quiet", "--set", "cache.directory=brought", "--redis", server.url, "--store", STORE],
      { cwd },
    );
    expect(code).toBe(0);
    const brought = Object.entries(filesIn(join(cwd, "brought"))).filter(([name]) => name.endsWith(".shard"));
    expect(brought).toEqual(Object.entries(alone).filter(([name]) => name.endsWith(".shard")));
    expect(existsSync(join(cwd, "s3:"))).toBe(false);
  });

  test("that refuses says so before anything is queued", async () => {
    const { code, stderr } = await limbeck(["search", "temperature", "recipe.yaml", "--redis", server.url, "--store", "s3://other/x"], {
      cwd: join(place, "searcher"),
    });
    expect([code, stderr]).toEqual([1, expect.stringContaining("There is no such bucket.")]);
  });
});
