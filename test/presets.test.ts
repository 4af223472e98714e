import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runRecipe } from "../src/distill/distill.ts";
import { presets } from "../src/distill/recipe/presets.ts";
import { writeOnnx } from "../src/graph/onnx/write.ts";
import { vit } from "../src/nn/zoo/vit.ts";
import { nodeEnvironment } from "../src/run/environment.ts";
import { resolveRecipe } from "../src/run/run.ts";
import { root, scratch, writeSmallMnist } from "./limbeck.ts";

const { path: place, remove } = scratch();
afterAll(remove);
beforeAll(() => {
  writeSmallMnist(join(place, "mnist"), { train: 300, test: 50 });
  const network = { inputShape: [1, 28, 28], classes: 10, patch: 7 };
  const onnx = (name: string, depth: number, seed: number) =>
    writeFileSync(join(place, name), writeOnnx(vit({ depth, width: 48, heads: 3 }, { ...network, seed })));
  onnx("vit-teacher.onnx", 4, 1);
  onnx("vit-student.onnx", 2, 2);
});

const directory = join(root, "examples/presets");
const set = [
  `data.idx=${join(place, "mnist")}`,
  "data.validation=50",
  "epochs=1",
  "batchSize=32",
  "threads=1",
  "baseline=false",
  "cache=false",
];
const transformers = [
  `teacher=${join(place, "vit-teacher.onnx")}`,
  `student={zoo: onnx, file: ${JSON.stringify(join(place, "vit-student.onnx"))}}`,
];

test("every preset has a recipe in examples/presets", () => {
  const named = readdirSync(directory).map((file) => file.replace(".recipe.yaml", ""));
  expect(named.filter((name) => name !== "vit-teacher").sort()).toEqual(Object.keys(presets).sort());
});

describe("the recipe of each preset trains for an epoch:", () => {
  test.each(Object.keys(presets))("%s", async (name) => {
    const path = join(directory, `${name}.recipe.yaml`);
    const written = await resolveRecipe(path);
    const isForTransformers = typeof written.recipe.teacher === "string" && written.recipe.teacher.includes("vit-teacher");
    const { recipe } = await resolveRecipe(path, [...set, ...(isForTransformers ? transformers : [])]);
    const losses: number[] = [];
    const environment = nodeEnvironment(recipe, directory, undefined, { onStep: (_, { metrics }) => losses.push(metrics.loss as number) });
    const { student } = await runRecipe(recipe, environment);
    // 250 samples make 7 batches of 32, in each stage.
    expect(losses).toHaveLength(7 * (recipe.stages?.length ?? 1));
    expect(losses.every(Number.isFinite)).toBe(true);
    expect(student.predictions.labels).toHaveLength(50);
  });
});
