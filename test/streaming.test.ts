import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { copies } from "../src/data/batches.fixture.ts";
import { withLabels } from "../src/data/labels.ts";
import type { LoaderOptions } from "../src/data/loader.ts";
import { noisy, writeFiles } from "../src/data/node/images.fixture.ts";
import { nodeLoader } from "../src/data/node/loader.ts";
import { openData } from "../src/data/node/open-data.ts";
import type { RecipeInput } from "../src/distill/recipe/schema.ts";
import { writeOnnx } from "../src/graph/onnx/write.ts";
import { mlp } from "../src/nn/zoo/mlp.ts";
import { limbeck, scratch, sha256, writeRecipe } from "./limbeck.ts";

const { path: place, remove } = scratch();
afterAll(remove);

const SIZE = 8;
const IMAGES = 40;
const CLASSES = ["ant", "bee", "cat"];

beforeAll(async () => {
  for (const [label, name] of CLASSES.entries()) {
    for (let number = 0; number < IMAGES; number++) {
      writeFiles(place, {
        [`photos/${name}/${number}.jpg`]: await noisy(3 * number + label)
          .jpeg()
          .toBuffer(),
      });
    }
  }
  const teacher = mlp({ inputShape: [3, SIZE, SIZE], hidden: [16], classes: CLASSES.length, seed: 7 });
  writeFileSync(join(place, "teacher.onnx"), writeOnnx(teacher));
});

const mix = { mixup: { alpha: 1 }, cutmix: { alpha: 1 } };
const labels = { keep: 0.5, noise: 0.1 };

const options: LoaderOptions = { batchSize: 7, seed: 3, augment: [{ flip: true }, { shift: 2 }], mix };

async function train(memory: number) {
  const source = { imageFolder: "photos", size: SIZE, channels: 3, fit: "cover", unreadable: "refuse", test: 0.2, memory } as const;
  const splits = await openData({ ...source, validation: 0.1, splitSeed: 0, exclude: [] }, { relativeTo: place });
  return withLabels(splits.train, labels);
}

test.each([0, 1, 2, 3])("images that are streamed make the same batches as those in memory, with %d workers", async (workers) => {
  const expected = nodeLoader(0)(await train(1e9), options);
  const streamed = await train(0);
  expect(streamed.fetch).toBeDefined();
  const loader = nodeLoader(workers)(streamed, options);
  for (const epoch of [0, 3]) expect(await copies(loader.epoch(epoch))).toEqual(await copies(expected.epoch(epoch)));
  expect(await copies(loader.epoch(1, 5))).toEqual((await copies(expected.epoch(1))).slice(5));
  await loader.release();
});

const recipe = {
  data: { imageFolder: "photos", size: SIZE, test: 0.2, augment: [{ flip: true }, { shift: 1 }], mix, labels },
  teacher: "teacher.onnx",
  student: { zoo: "small-cnn", channels: [4, 8], depth: 1, hidden: 8 },
  losses: [{ crossEntropy: {} }, { kd: { temperature: 2 } }],
  optimizer: { sgd: { learningRate: 0.05 } },
  epochs: 2,
  batchSize: 8,
  keep: "best",
  baseline: false,
} satisfies RecipeInput;

test("and the same student", async () => {
  writeRecipe(join(place, "recipe.yaml"), recipe);
  const student = async (memory: number, workers: number) => {
    const out = `runs/${memory}-${workers}`;
    const settings = [`data.memory=${memory}`, `workers=${workers}`].flatMap((setting) => ["--set", setting]);
    const { code, stderr } = await limbeck(["distill", "recipe.yaml", "--out", out, "--quiet", ...settings], { cwd: place });
    expect([code, stderr]).toEqual([0, ""]);
    return sha256(join(place, out, "student.onnx"));
  };
  const decoded = await student(1e9, 0);
  // Once more from what the first run has decoded, and from nothing.
  expect(await student(1e9, 2)).toBe(decoded);
  rmSync(join(place, ".cache"), { recursive: true });
  for (const workers of [0, 2]) expect(await student(0, workers)).toBe(decoded);
});
