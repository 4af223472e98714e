import type { ChildProcess } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RecipeInput } from "../src/distill/recipe/schema.ts";
import { writeOnnx } from "../src/graph/onnx/write.ts";
import { mlp } from "../src/nn/zoo/mlp.ts";
import type { MetricsLine } from "../src/run/directory.ts";
import { type Finished, filesIn, limbeck, scratch, sha256, writeRecipe, writeSmallMnist } from "./limbeck.ts";

const { path: place, remove } = scratch();
afterAll(remove);

const common = {
  data: { idx: "mnist", validation: 300 },
  teacher: "teacher.onnx",
  losses: [{ hinton: { temperature: { steps: { 0: 8, 1: 4 } }, alpha: 0.5 } }],
  epochs: 2,
  batchSize: 32,
  average: { decay: 0.9 },
  keep: "best",
} satisfies Partial<RecipeInput>;
const recipes = {
  mlp: {
    ...common,
    data: { ...common.data, augment: [{ affine: { rotate: 10, translate: 2 } }, { elastic: { alpha: 6, sigma: 4 } }] },
    student: { zoo: "mlp", hidden: [32], dropout: { input: 0.1, hidden: 0.2 } },
    balance: { gradientNorm: { every: 7 } },
    optimizer: { adamw: { learningRate: { cosine: { from: 0.002, warmup: 0.1 } } } },
    workers: 2,
  },
  "small-cnn": {
    ...common,
    data: { ...common.data, augment: [{ shift: 2 }] },
    student: { zoo: "small-cnn", channels: [4, 8], depth: 1, hidden: 16, dropout: 0.2 },
    balance: { uncertainty: {} },
    optimizer: { sgd: { learningRate: { oneCycle: { peak: 0.05 } } } },
    clipNorm: 5,
  },
} satisfies Record<string, RecipeInput>;

const names = Object.keys(recipes);

/** Saved after every step, so that a process dies at any point of writing too. */
const saveEveryStep = { LIMBECK_CHECKPOINT_SECONDS: "0" };

beforeAll(() => {
  writeSmallMnist(join(place, "mnist"), { train: 1500, test: 300 });
  writeFileSync(join(place, "teacher.onnx"), writeOnnx(mlp({ inputShape: [1, 28, 28], hidden: [16], classes: 10, seed: 7 })));
  for (const [name, recipe] of Object.entries(recipes)) writeRecipe(join(place, `${name}.yaml`), recipe);
});

interface RunOptions {
  readonly resume?: boolean;
  /** Kills the process as soon as this resolves. */
  readonly killWhen?: (directory: string, child: ChildProcess) => Promise<void>;
  readonly saveOften?: boolean;
  readonly set?: readonly string[];
  readonly under?: readonly string[];
}

/** Runs a recipe in a directory. */
function run(
  name: string,
  out: string,
  { resume = false, killWhen, saveOften = killWhen !== undefined, set = [], under }: RunOptions = {},
): Promise<Finished> {
  const options = [...(resume ? ["--resume"] : []), ...set.flatMap((override) => ["--set", override])];
  return limbeck(["distill", `${name}.yaml`, "--out", out, "--quiet", ...options], {
    cwd: place,
    under,
    env: saveOften ? saveEveryStep : {},
    whileRunning: async (child) => {
      if (!killWhen) return;
      await killWhen(join(place, out), child);
      child.kill("SIGKILL");
    },
  });
}

const finished = { code: 0, stderr: "" };
const killed = { signal: "SIGKILL", stderr: "" };

const hashes = (out: string): string[] => ["student.onnx", "baseline.onnx"].map((file) => sha256(join(place, out, file)));

const metrics = (out: string): MetricsLine[] =>
  readFileSync(join(place, out, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as MetricsLine);

/** Resolves when `happened`, or when the process has ended. */
async function until(child: ChildProcess, happened: () => boolean): Promise<void> {
  while (!happened() && child.exitCode === null) await sleep(1);
}

const checkpointOf = (phase: string) => (directory: string) => join(directory, "checkpoints", `${phase}.safetensors`);

/** Resolves when a file has been written anew so many times. */
async function written(child: ChildProcess, path: string, times: number): Promise<void> {
  const stamp = () => statSync(path, { bigint: true, throwIfNoEntry: false })?.mtimeNs;
  for (let seen = stamp(), left = times; left > 0; left--) {
    await until(child, () => stamp() !== seen);
    seen = stamp();
  }
}

/** Moments to kill a run at, in the order in which they are reached. */
const moments: Readonly<Record<string, NonNullable<RunOptions["killWhen"]>>> = {
  "while a checkpoint is written": (directory, child) => {
    const checkpoints = join(directory, "checkpoints");
    return until(child, () => existsSync(checkpoints) && readdirSync(checkpoints).some((name) => name.endsWith(".tmp")));
  },
  "in an epoch": async (directory, child) => {
    await written(child, checkpointOf("student")(directory), 5);
    await sleep(Math.random() * 20);
  },
  "when an epoch has been noted, and is perhaps not yet saved": (directory, child) => written(child, join(directory, "metrics.jsonl"), 1),
  "in the baseline": async (directory, child) => {
    await written(child, checkpointOf("baseline")(directory), 3);
    await sleep(Math.random() * 20);
  },
};

beforeAll(async () => {
  const results = await Promise.all(names.map((name) => run(name, `${name}-reference`)));
  for (const result of results) expect(result).toMatchObject(finished);
});

test.concurrent.each(names)("a %s comes out the same from the same recipe, without threads that make batches too", async (name) => {
  expect(await run(name, `${name}-again`, { saveOften: true, set: ["workers=0"] })).toMatchObject(finished);
  expect(hashes(`${name}-again`)).toEqual(hashes(`${name}-reference`));
});

test.concurrent.each(names)("a %s comes out the same from a run that was killed again and again, and resumed", async (name) => {
  const [out, reference] = [`${name}-killed`, `${name}-reference`];
  for (const [index, killWhen] of Object.values(moments).entries()) {
    expect(await run(name, out, { resume: index > 0, killWhen })).toMatchObject(killed);
  }
  expect(existsSync(join(place, out, "student.onnx"))).toBe(false);
  expect(await run(name, out, { resume: true })).toMatchObject(finished);
  expect(hashes(out)).toEqual(hashes(reference));
  expect(Object.keys(filesIn(join(place, out)))).toEqual(Object.keys(filesIn(join(place, reference))));
  const lines = metrics(out);
  expect(lines.map(({ phase, epoch }) => `${phase} ${epoch}`)).toEqual(["student 1", "student 2", "baseline 1", "baseline 2"]);
  expect(lines.map(({ losses }) => losses)).toEqual(metrics(reference).map(({ losses }) => losses));
});

test.concurrent("a checkpoint that cannot be written leaves the last one, and the run goes on from there", async () => {
  const out = "full";
  expect(await run("mlp", out, { killWhen: moments["in an epoch"] })).toMatchObject(killed);
  const kept = () => Object.fromEntries(Object.entries(filesIn(join(place, out))).filter(([name]) => !name.endsWith(".tmp")));
  const before = kept();
  expect(Object.keys(before)).toContain("checkpoints/student.safetensors");
  // A file may have 16 blocks at most: enough for a line of metrics, not for a checkpoint.
  const full = await run("mlp", out, { resume: true, saveOften: true, under: ["sh", "-c", 'ulimit -f 16 && exec "$@"', "sh"] });
  expect(full.code).toBe(1);
  expect(full.stderr).toMatch(
    /^Error: The file is larger than the system allows\.\n {2}where: .*student\.safetensors\n {2}hint: .*--resume\.\n$/,
  );
  expect(filesIn(join(place, out))).toEqual(before);
  expect(await run("mlp", out, { resume: true })).toMatchObject(finished);
  expect(hashes(out)).toEqual(hashes("mlp-reference"));
});
