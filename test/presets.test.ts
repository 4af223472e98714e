import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { VOCABULARY, words, wordTokenizer } from "../src/data/texts.fixture.ts";
import { runRecipe } from "../src/distill/distill.ts";
import { presets } from "../src/distill/recipe/presets.ts";
import { writeOnnx } from "../src/graph/onnx/write.ts";
import { bertClassifier } from "../src/nn/zoo/bert.ts";
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
  mkdirSync(join(place, "tokenizer"));
  writeFileSync(join(place, "tokenizer", "tokenizer.json"), JSON.stringify(wordTokenizer()));
  const sentences = Array.from({ length: 350 }, (_, index) => words.filter((_, word) => (index + 3) % (word + 2) === 0).join(" "));
  writeFileSync(join(place, "texts.tsv"), `sentence\n${sentences.map((sentence) => `the ${sentence}\n`).join("")}`);
  const guesser = { vocabulary: VOCABULARY, classes: 2, seed: 1, maskedLm: true };
  writeFileSync(join(place, "guesser.onnx"), writeOnnx(bertClassifier({ layers: 4, hidden: 16, heads: 2, intermediate: 32 }, guesser)));
});

const directory = join(root, "examples/presets");
const setImages = [`data.idx=${join(place, "mnist")}`, "data.validation=50"];
const set = ["epochs=1", "batchSize=32", "threads=1", "baseline=false", "cache=false"];
const transformers = [
  `teacher=${join(place, "vit-teacher.onnx")}`,
  `student={zoo: onnx, file: ${JSON.stringify(join(place, "vit-student.onnx"))}}`,
];

/** Presets that learn from masked words, and so from texts. */
const ofTexts = ["distilbertPretraining"];
const setTexts = [
  ...["text", "tokenizer"].map((key) => `data.${key}=${join(place, key === "text" ? "texts.tsv" : "tokenizer")}`),
  `teacher=${join(place, "guesser.onnx")}`,
  `student={from: ${JSON.stringify(join(place, "guesser.onnx"))}, layers: everySecond}`,
  "data.validation=50",
  "data.test=50",
];

test("every preset has a recipe in examples/presets", () => {
  const files = readdirSync(directory).filter((file) => file.includes(".recipe."));
  const named = files.map((file) => file.replace(".recipe.yaml", ""));
  expect(named.filter((name) => name !== "vit-teacher").sort()).toEqual(Object.keys(presets).sort());
});

describe("the recipe of each preset trains for an epoch:", () => {
  test.each(Object.keys(presets))("%s", async (name) => {
    const path = join(directory, `${name}.recipe.yaml`);
    const written = await resolveRecipe(path);
    const isForTransformers = typeof written.recipe.teacher === "string" && written.recipe.teacher.includes("vit-teacher");
    const own = ofTexts.includes(name) ? setTexts : [...setImages, ...(isForTransformers ? transformers : [])];
    const { recipe } = await resolveRecipe(path, [...set, ...own]);
    const losses: number[] = [];
    const environment = nodeEnvironment(recipe, directory, undefined, { onStep: (_, { metrics }) => losses.push(metrics.loss as number) });
    const { student } = await runRecipe(recipe, environment);
    // 250 samples make 7 batches of 32, in each stage.
    expect(losses).toHaveLength(7 * (recipe.stages?.length ?? 1));
    expect(losses.every(Number.isFinite)).toBe(true);
    expect(student.predictions.labels).toHaveLength(50);
  });
});
