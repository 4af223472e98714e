import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { LabellingEstimate } from "../src/distill/cache/label-ahead.ts";
import type { RecipeInput } from "../src/distill/recipe/schema.ts";
import { writeOnnx } from "../src/graph/onnx/write.ts";
import { smallCnn } from "../src/nn/zoo/small-cnn.ts";
import type { Report } from "../src/report/report.ts";
import { filesIn, limbeck, scratch, sha256, writeRecipe, writeSmallMnist } from "./limbeck.ts";

const { path: place, remove } = scratch();
afterAll(remove);

const TRAIN = 6000; // three shards to a view
const recipe = {
  data: { idx: "mnist", validation: 200, augment: [{ shift: 2 }, { rotate: 10 }], views: 2 },
  teacher: "teacher.onnx",
  student: { zoo: "mlp", hidden: [16] },
  losses: [{ hinton: { temperature: 3 } }],
  optimizer: { sgd: { learningRate: 0.05 } },
  epochs: 3,
  batchSize: 100,
  baseline: false,
} satisfies RecipeInput;
const labels = 2 * (TRAIN - 200);

const shardsIn = (cache: string) =>
  Object.fromEntries(Object.entries(filesIn(join(place, cache))).filter(([name]) => name.endsWith(".shard")));
const set = (...overrides: string[]) => overrides.flatMap((override) => ["--set", override]);
const distill = (out: string, ...overrides: string[]) =>
  limbeck(["distill", "recipe.yaml", "--out", out, "--json", "--quiet", ...set(...overrides)], { cwd: place });
const label = (cache: string, options: readonly string[] = [], more: Parameters<typeof limbeck>[1] = {}) =>
  limbeck(["cache", "recipe.yaml", "--quiet", ...set(`cache.directory=${cache}`), ...options], { cwd: place, ...more });
const estimateOf = (stdout: string) => JSON.parse(stdout) as LabellingEstimate;
const student = (out: string) => sha256(join(place, out, "student.onnx"));

beforeAll(async () => {
  writeSmallMnist(join(place, "mnist"), { train: TRAIN, test: 200 });
  writeFileSync(
    join(place, "teacher.onnx"),
    writeOnnx(smallCnn({ inputShape: [1, 28, 28], channels: [4, 8], depth: 1, hidden: 16, classes: 10, seed: 3 })),
  );
  writeRecipe(join(place, "recipe.yaml"), recipe);
  expect(await distill("uncached", "cache=false")).toMatchObject({ code: 0, stderr: "" });
  expect(existsSync(join(place, ".cache"))).toBe(false);
});

test("a run keeps its teacher's outputs beside the recipe, and the next one reads them", async () => {
  const cacheOf = ({ stdout }: { stdout: string }) => (JSON.parse(stdout) as Report).teacherCache;
  const first = await distill("first");
  const second = await distill("second");
  expect([cacheOf(first), cacheOf(second)]).toMatchObject([{ computed: labels }, { computed: 0 }]);
  expect([student("first"), student("second")]).toEqual([student("uncached"), student("uncached")]);
  const report = JSON.parse(readFileSync(join(place, "second/report.json"), "utf8")) as Report;
  expect(report.teacherCache).toEqual(cacheOf(second));
  expect(Object.keys(shardsIn(".cache/limbeck/teacher"))).toHaveLength(6);
});

test.concurrent("labelling that is killed leaves only whole shards, and goes on from them", async () => {
  const slowly = set("batchSize=2");
  const killed = await label("killed", slowly, {
    whileRunning: async (child) => {
      const some = () =>
        existsSync(join(place, "killed")) &&
        readdirSync(join(place, "killed"), { recursive: true }).some((name) => String(name).endsWith(".shard"));
      while (!some() && child.exitCode === null) await sleep(1);
      child.kill("SIGKILL");
    },
  });
  expect(killed.signal).toBe("SIGKILL");
  const before = shardsIn("killed");
  const { missing } = estimateOf((await label("killed", ["--dry-run", "--json"])).stdout);
  expect(missing).toBeLessThan(labels);
  expect(missing).toBeGreaterThan(0);
  expect(await label("killed")).toMatchObject({ code: 0, stderr: "" });
  expect(shardsIn("killed")).toMatchObject(before);
  expect((await label("killed")).stdout).toMatch(/^5,800 samples × 2 views, 466 kB in .*killed\nEverything is there\.\n$/);
});

test.concurrent("two processes may fill a cache and train from it at once", async () => {
  const runs = await Promise.all(["one", "two"].map((out) => distill(out, "cache.directory=both")));
  expect(runs).toMatchObject([
    { code: 0, stderr: "" },
    { code: 0, stderr: "" },
  ]);
  expect([student("one"), student("two")]).toEqual([student("uncached"), student("uncached")]);
  expect(Object.keys(shardsIn("both"))).toHaveLength(6);
});

test.concurrent("an estimate alone writes nothing", async () => {
  const { code, stdout, stderr } = await label("dry", ["--dry-run"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(/^5,800 samples × 2 views, 466 kB in .*dry\nTo label: 11,600, 466 kB, in about [\d.]+ s\.\n$/);
  expect(existsSync(join(place, "dry"))).toBe(false);
});

test.concurrent("a cache that cannot be written costs a run one line", async () => {
  writeFileSync(join(place, "in-the-way"), "");
  const found = await limbeck(["distill", "recipe.yaml", "--out", "without", ...set("cache.directory=in-the-way/cache")], { cwd: place });
  expect(found.code).toBe(0);
  expect(found.stderr.split("\n").filter((line) => /cache/.test(line))).toEqual([
    expect.stringMatching(/^The run goes on without the teacher cache: .* path is a file, not a directory\. \(in .*in-the-way/),
  ]);
  expect(student("without")).toBe(student("uncached"));
});
