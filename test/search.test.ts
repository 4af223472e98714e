import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type SearchCommandOptions, searchCommand } from "../src/cli/commands/search.ts";
import type { RecipeInput } from "../src/distill/recipe/schema.ts";
import { LimbeckError } from "../src/errors.ts";
import { writeOnnx } from "../src/graph/onnx/write.ts";
import { smallCnn } from "../src/nn/zoo/small-cnn.ts";
import { resolveRecipe } from "../src/run/run.ts";
import type { SearchKind, SearchReport } from "../src/search/search-report.ts";
import type { Trial } from "../src/search/trial.ts";
import { filesIn, limbeck, scratch, writeRecipe, writeSmallMnist } from "./limbeck.ts";

const { path: place, remove } = scratch();
afterAll(remove);

const recipe = {
  data: { idx: "mnist", validation: 200 },
  teacher: "teacher.onnx",
  student: { zoo: "mlp", hidden: [8] },
  losses: [{ crossEntropy: {} }, { kd: { weight: 0.5 } }],
  optimizer: { sgd: { learningRate: 0.05 } },
  epochs: 1,
  batchSize: 50,
  baseline: false,
} satisfies RecipeInput;

beforeAll(() => {
  writeSmallMnist(join(place, "mnist"), { train: 2500, test: 100 });
  writeFileSync(
    join(place, "teacher.onnx"),
    writeOnnx(smallCnn({ inputShape: [1, 28, 28], channels: [4, 8], depth: 1, hidden: 16, classes: 10, seed: 3 })),
  );
  writeRecipe(join(place, "recipe.yaml"), recipe);
  writeRecipe(join(place, "space.yaml"), {
    ...recipe,
    optimizer: { sgd: { learningRate: { search: { min: 0.001, max: 0.5, log: true } } } },
    student: { zoo: "mlp", hidden: [{ search: [4, 8, 16] }] },
    epochs: 3,
  });
});

const search = (args: readonly string[], more: Parameters<typeof limbeck>[1] = {}) =>
  limbeck(["search", ...args, "--json", "--jobs", "2"], { cwd: place, ...more });
const reportOf = (stdout: string) => JSON.parse(stdout) as SearchReport;
const best = (trials: readonly Trial[]) => Math.max(...trials.map(({ accuracy }) => accuracy ?? 0));
const json = (path: string): unknown => JSON.parse(readFileSync(join(place, path), "utf8"));

test("a temperature is chosen on validation, from trials that label once; the chosen recipe is trained and tested", async () => {
  const found = await search(["temperature", "recipe.yaml", "--grid", "1,4,9", "--seeds", "2", "--out", "temperature"]);
  expect(found.code).toBe(0);
  const report = reportOf(found.stdout);
  const { trials, chosen } = report;
  expect(trials.map(({ values, runs }) => [values.temperature, runs.length])).toEqual([
    [1, 2],
    [4, 2],
    [9, 2],
  ]);
  expect(trials[chosen]?.accuracy).toBe(best(trials));
  expect(JSON.stringify(trials)).not.toContain("test");
  expect(json("temperature/search.json")).toEqual(report);
  expect(readFileSync(join(place, "temperature/search.html"), "utf8")).toContain("Validation accuracy by temperature");
  const chosenRecipe = await resolveRecipe(join(place, "temperature/chosen.recipe.yaml"));
  expect(chosenRecipe.recipe.losses[1]).toMatchObject({ kd: { temperature: trials[chosen]?.values.temperature } });
  expect(json("temperature/chosen/report.json")).toMatchObject({
    student: { accuracy: { lastEpoch: report.test?.accuracy } },
    teacherCache: { computed: 0 },
  });
  expect(Object.keys(filesIn(join(place, ".cache"))).filter((name) => name.endsWith(".shard"))).toHaveLength(2);
});

test("a search that is killed goes on where it was, and comes to the same", async () => {
  const args = ["recipe", "space.yaml", "--method", "tpe", "--trials", "14", "--no-final"];
  const killed = await search([...args, "--out", "killed"], {
    whileRunning: async (child) => {
      const lines = () =>
        existsSync(join(place, "killed/trials.jsonl")) ? readFileSync(join(place, "killed/trials.jsonl"), "utf8").split("\n").length : 0;
      while (lines() < 6 && child.exitCode === null) await sleep(5);
      child.kill("SIGKILL");
    },
  });
  expect(killed.signal).toBe("SIGKILL");
  const [resumed, whole] = await Promise.all([
    search([...args, "--out", "killed", "--resume"]),
    search([...args, "--out", "whole", "--max-memory", "3GB"]),
  ]);
  expect([resumed.code, whole.code]).toEqual([0, 0]);
  expect(resumed.stderr).toContain("known");
  expect({ ...reportOf(resumed.stdout), seconds: 0 }).toEqual({ ...reportOf(whole.stdout), seconds: 0 });
  const { trials, chosen, test: tested } = reportOf(whole.stdout);
  expect(trials).toHaveLength(14);
  expect(trials[chosen]?.accuracy).toBe(best(trials));
  expect(tested).toBeUndefined();
  const other = await search([...args, "--trials", "15", "--out", "killed", "--resume"]);
  expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining("differ from those that this search was started with") });
});

test("halving gives the best of few epochs more, within its budget", async () => {
  const found = await search(["recipe", "space.yaml", "--method", "halving", "--budget", "12", "--no-final", "--out", "halving"]);
  const { trials, chosen } = reportOf(found.stdout);
  const epochs = trials.map((trial) => trial.epochs);
  expect(epochs.reduce((sum, length) => sum + length, 0)).toBeLessThanOrEqual(12);
  expect(epochs).toEqual([1, 1, 1, 1, 1, 1, 3, 3]);
  expect(trials[chosen]).toMatchObject({ epochs: 3, accuracy: best(trials.slice(6)) });
});

test("weights are searched as a grid, a failing trial among them", async () => {
  const args = ["weights", "recipe.yaml", "--factors", "0.1,1,1e30", "--no-final", "--out", "weights"];
  const { trials, chosen } = reportOf((await search(args)).stdout);
  expect(trials.map(({ values }) => values["losses[1].kd.weight"])).toEqual([0.05, 0.5, 5e29]);
  expect(trials[2]?.error).toMatch(/^The (loss|weights) /);
  expect(chosen).toBeLessThan(2);
});

test("a teacher's outputs are the same, labelled by jobs or by one process", async () => {
  const shards = () => Object.entries(filesIn(join(place, "labels"))).filter(([name]) => name.endsWith(".shard"));
  const label = (...more: string[]) =>
    limbeck(["cache", "recipe.yaml", "--set", "cache.directory=labels", "--quiet", ...more], { cwd: place });
  expect(await label()).toMatchObject({ code: 0 });
  const alone = shards();
  expect(alone).toHaveLength(2);
  rmSync(join(place, "labels"), { recursive: true });
  expect(await label("--jobs", "2")).toMatchObject({ code: 0, stdout: expect.stringContaining("To label: 2,300") });
  expect(shards()).toEqual(alone);
});

describe("a mistake ends the search before anything is written", () => {
  test.each<[string, SearchKind, string, Partial<SearchCommandOptions>, RegExp]>([
    ["nothing to search", "recipe", "recipe", {}, /The recipe has nothing to search/],
    ["values to search for temperature", "temperature", "space", {}, /looks for the temperature alone/],
    ["a value that fits no recipe", "recipe", "recipe", { set: ["epochs={search: [1, 0]}"] }, /epochs: must be greater than 0 \(found 0\)/],
    ["a range that is none", "recipe", "recipe", { set: ["epochs={search: {min: 1}}"] }, /epochs\.search\.max: is missing/],
    ["a budget for a grid", "recipe", "space", { method: "grid", budget: 5 }, /--budget is for --method halving/],
    ["a budget below one trial", "recipe", "space", { method: "halving", budget: 2 }, /is less than one trial takes/],
    ["epochs for halving", "recipe", "recipe", { set: ["epochs={search: [1, 2]}"], method: "halving" }, /chooses the epochs itself/],
    ["Redis without a store", "recipe", "space", { redis: "redis://127.0.0.1:1" }, /a store that all of them share/],
    ["S3 without credentials", "recipe", "space", { redis: "redis://127.0.0.1:1", store: "s3://data" }, /no credentials for S3/],
    ["a Redis that isn't there", "recipe", "space", { redis: "redis://127.0.0.1:1", store: "store" }, /No Redis answers there/],
    ["a teacher that isn't there", "temperature", "recipe", { set: ["teacher=nowhere.onnx"] }, /There is no such file/],
  ])("%s", async (what, kind, name, options, message) => {
    const out = join(place, `mistake ${what}`);
    const searched = searchCommand(kind, join(place, `${name}.yaml`), {
      seeds: 1,
      final: false,
      quiet: true,
      out,
      grid: [1, 2],
      ...options,
    });
    const error = await searched.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(LimbeckError);
    expect((error as Error).message).toMatch(message);
    expect(existsSync(out)).toBe(false);
  });
});
