import type { ChildProcess } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { writeOnnx } from "../src/graph/onnx/write.ts";
import { mlp } from "../src/nn/zoo/mlp.ts";
import type { QueueState } from "../src/search/redis/queue.ts";
import type { SearchReport } from "../src/search/search-report.ts";
import { runDistributed } from "./distributed.ts";
import { filesIn, limbeck, scratch, writeRecipe, writeSmallMnist } from "./limbeck.ts";
import { redisProgram, startRedis } from "./redis-server.ts";

const { path: place, remove } = scratch();
afterAll(remove);
const at = (name: string): string => {
  mkdirSync(join(place, name));
  return join(place, name);
};

// `npm run check:distributed` does the same with 60 trials, 4 workers and 10 of them killed.
describe.runIf(redisProgram)("trials by workers", () => {
  test("that are killed, while Redis is restarted, come to what the local pool comes to, each once", async () => {
    const found = await runDistributed({ place: at("killed"), trials: 10, workers: 2, kills: 2, restart: true });
    expect(found.remote).toEqual(found.local);
    expect(found.told).toEqual(found.local.map(() => 1));
    expect(found.kills).toBeGreaterThan(0);
    expect(found.stranger).toContain("Waiting for jobs of limbeck 0.0.1");
    expect(found.stranger).not.toContain("did ");
  });

  test("of the command line come to the same as on one machine, and so do a teacher's outputs", async () => {
    const cwd = at("commands");
    writeSmallMnist(join(cwd, "mnist"), { train: 2400, test: 50 });
    writeFileSync(join(cwd, "teacher.onnx"), writeOnnx(mlp({ inputShape: [1, 28, 28], hidden: [16], classes: 10, seed: 7 })));
    writeRecipe(join(cwd, "recipe.yaml"), {
      data: { idx: "mnist", validation: 100, augment: [{ shift: 1 }], views: 2 },
      teacher: "teacher.onnx",
      student: { zoo: "mlp", hidden: [8] },
      losses: [{ kd: {} }],
      optimizer: { sgd: { learningRate: 0.05 } },
      epochs: 3,
      batchSize: 50,
    });
    mkdirSync(join(cwd, "redis"));
    const server = await startRedis(join(cwd, "redis"));
    const queue = ["--redis", server.url, "--store", "store"];
    let child: ChildProcess | undefined;
    const worker = limbeck(["worker", ...queue, "--concurrency", "2"], {
      cwd,
      whileRunning: async (started) => {
        child = started;
      },
    });
    try {
      const label = (cache: string, more: readonly string[]) =>
        limbeck(["cache", "recipe.yaml", "--set", `cache.directory=${cache}`, "--quiet", ...more], { cwd });
      const shards = (cache: string) => Object.entries(filesIn(join(cwd, cache))).filter(([name]) => name.endsWith(".shard"));
      const search = (out: string, more: readonly string[]) =>
        limbeck(["search", "temperature", "recipe.yaml", "--grid", "1,4", "--seeds", "1", "--no-final", "--json", "--out", out, ...more], {
          cwd,
        });
      const ended = [
        await label("remote", queue),
        await label("local", []),
        await search("by-workers", queue),
        await search("alone", []),
      ] as const;
      expect(ended.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
      expect(shards("remote")).toHaveLength(4);
      expect(shards("remote")).toEqual(shards("local"));
      const [remote, local] = [ended[2], ended[3]].map(({ stdout }) => JSON.parse(stdout) as SearchReport);
      expect(remote?.trials).toEqual(local?.trials);
      const states = JSON.parse((await limbeck(["jobs", "--redis", server.url, "--json"], { cwd })).stdout) as QueueState[];
      expect(states).toMatchObject([{ workers: 1, waiting: 0, active: 0, completed: 6, failed: 0 }]);
    } finally {
      child?.kill("SIGTERM");
      expect(await worker).toMatchObject({ code: 0, stderr: expect.stringContaining("temperature=4") });
      await server.stop();
    }
  });
});
