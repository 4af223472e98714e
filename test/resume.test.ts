import type { ChildProcess } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RecipeInput } from "../src/distill/recipe/schema.ts";
import { writeOnnx } from "../src/graph/onnx/write.ts";
import { mlp } from "../src/nn/zoo/mlp.ts";
import type { MetricsLine } from "../src/run/directory.ts";
import { filesIn, limbeck, scratch, sha256, writeRecipe, writeSmallMnist } from "./limbeck.ts";

const { path: place, remove } = scratch();
afterAll(remove);

const common = {
  data: { idx: "mnist", validation: 300 },
  teacher: "teacher.onnx",
  losses: [{ hinton: { temperature: { steps: { 0: 8, 1: 4 } }, alpha: 0.5 } }],
  epochs: 2,
  batchSize: 64,
  average: { decay: 0.9 },
  keep: "best",
} satisfies Partial<RecipeInput>;
const recipes = {
  mlp: {
    ...common,
    data: { ...common.data, augment: [{ affine: { rotate: 10, translate: 2 } }, { elastic: { alpha: 6, sigma: 4 } }] },
    student: { zoo: "mlp", hidden: [32], dropout: { input: 0.1, hidden: 0.2 } },
    optimizer: { adamw: { learningRate: { cosine: { from: 0.002, warmup: 0.1 } } } },
  },
  "small-cnn": {
    ...common,
    data: { ...common.data, augment: [{ shift: 2 }] },
    student: { zoo: "small-cnn", channels: [4, 8], depth: 1, hidden: 16, dropout: 0.2 },
    optimizer: { sgd: { learningRate: { oneCycle: { peak: 0.05 } } } },
    clipNorm: 5,
  },
} satisfies Record<string, RecipeInput>;

/** Saved after every step, so that a process dies at any point of writing too. */
const saveEveryStep = { LIMBECK_CHECKPOINT_SECONDS: "0" };

beforeAll(() => {
  writeSmallMnist(join(place, "mnist"), { train: 1500, test: 300 });
  writeFileSync(join(place, "teacher.onnx"), writeOnnx(mlp({ inputShape: [1, 28, 28], hidden: [16], classes: 10, seed: 7 })));
  for (const [name, recipe] of Object.entries(recipes)) writeRecipe(join(place, `${name}.yaml`), recipe);
});

interface RunOptions {
  readonly resume?: boolean;
  readonly killWhen?: (directory: string, child: ChildProcess) => Promise<void>;
  readonly saveOften?: boolean;
}

/** Runs a recipe in a directory; with `killWhen`, kills the process as soon as that resolves. */
async function run(name: string, out: string, { resume = false, killWhen, saveOften = killWhen !== undefined }: RunOptions = {}) {
  const directory = join(place, out);
  const result = await limbeck(["distill", `${name}.yaml`, "--out", out, "--quiet", ...(resume ? ["--resume"] : [])], {
    cwd: place,
    env: saveOften ? saveEveryStep : {},
    whileRunning: async (child) => {
      if (!killWhen) return;
      await killWhen(directory, child);
      child.kill("SIGKILL");
    },
  });
  expect(result.stderr).toBe("");
  expect(result).toMatchObject(killWhen ? { signal: "SIGKILL" } : { code: 0 });
}

const metrics = (out: string): MetricsLine[] =>
  readFileSync(join(place, out, "metrics.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line) as MetricsLine);

/** Resolves when `happened`, or when the process has ended. */
async function until(child: ChildProcess, happened: () => boolean): Promise<void> {
  while (!happened() && child.exitCode === null) await turn();
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

describe.each(["mlp", "small-cnn"])("a %s", (name) => {
  const hashes = (out: string): string[] => ["student.onnx", "baseline.onnx"].map((file) => sha256(join(place, out, file)));

  test("comes out the same from the same recipe, and is killed and resumed without a trace", async () => {
    await Promise.all([run(name, `${name}-a`), run(name, `${name}-b`, { saveOften: true })]);
    expect(hashes(`${name}-b`)).toEqual(hashes(`${name}-a`));

    const out = `${name}-killed`;
    for (const [index, killWhen] of Object.values(moments).entries()) await run(name, out, { resume: index > 0, killWhen });
    expect(existsSync(join(place, out, "student.onnx"))).toBe(false);
    await run(name, out, { resume: true });
    expect(hashes(out)).toEqual(hashes(`${name}-a`));
    expect(Object.keys(filesIn(join(place, out)))).toEqual(Object.keys(filesIn(join(place, `${name}-a`))));
    const lines = metrics(out);
    expect(lines.map(({ phase, epoch }) => `${phase} ${epoch}`)).toEqual(["student 1", "student 2", "baseline 1", "baseline 2"]);
    expect(lines.map(({ losses }) => losses)).toEqual(metrics(`${name}-a`).map(({ losses }) => losses));
  });
});
