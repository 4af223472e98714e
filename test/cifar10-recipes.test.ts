import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runRecipe } from "../src/distill/distill.ts";
import { writeOnnx } from "../src/graph/onnx/write.ts";
import { resnet } from "../src/nn/zoo/resnet.ts";
import { randomFor } from "../src/random.ts";
import { nodeEnvironment } from "../src/run/environment.ts";
import { resolveRecipe } from "../src/run/run.ts";
import { root, scratch } from "./limbeck.ts";

const { path: place, remove } = scratch();
afterAll(remove);
const directory = join(root, "examples/cifar10");
const teacher = join(place, "teacher.onnx");

beforeAll(() => {
  mkdirSync(join(place, "cifar"));
  const random = randomFor(1);
  const records = (count: number) =>
    Uint8Array.from({ length: 3073 * count }, (_, place) => (place % 3073 === 0 ? Math.floor(place / 3073) % 10 : random.integer(0, 255)));
  for (const batch of [1, 2, 3, 4, 5]) writeFileSync(join(place, `cifar/data_batch_${batch}.bin`), records(10));
  writeFileSync(join(place, "cifar/test_batch.bin"), records(10));
  writeFileSync(join(place, "cifar/batches.meta.txt"), Array.from({ length: 10 }, (_, label) => `class ${label}\n`).join(""));
  writeFileSync(teacher, writeOnnx(resnet("resnet8", { inputShape: [3, 32, 32], classes: 10, seed: 1, width: 0.5 })));
});

describe("the recipe for CIFAR-10 takes a step:", () => {
  const names = readdirSync(directory).flatMap((file) => /^(.*)\.recipe\.ts$/.exec(file)?.[1] ?? []);

  test.each(names)("%s", async (name) => {
    const path = join(directory, `${name}.recipe.ts`);
    const written = await resolveRecipe(path);
    expect(written.recipe.data).toMatchObject({ parquet: "./data", size: 32, validation: 5000 });
    const teachers = written.recipe.teacher;
    const { augment, mix } = written.recipe.data;
    const { recipe } = await resolveRecipe(path, [
      `data=${JSON.stringify({ cifar: join(place, "cifar"), validation: 20, augment, mix })}`,
      ...(teachers ? [`teacher=${JSON.stringify(Array.isArray(teachers) ? teachers.map(() => teacher) : teacher)}`] : []),
      ...(written.recipe.student.zoo === "onnx" ? [`student=${JSON.stringify({ zoo: "airbench", width: 0.25 })}`] : []),
      "epochs=1",
      "batchSize=30",
      "threads=1",
      "cache=false",
    ]);
    const losses: number[] = [];
    const environment = nodeEnvironment(recipe, directory, undefined, { onStep: (_, { metrics }) => losses.push(metrics.loss as number) });
    await runRecipe(recipe, environment);
    expect(losses).toHaveLength(1);
    expect(losses.every(Number.isFinite)).toBe(true);
  });
});
