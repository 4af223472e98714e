import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { wordTokenizer } from "../data/texts.fixture.ts";
import type { RecipeInput } from "../distill/recipe/schema.ts";
import { reportHtml } from "../report/html.ts";
import { compare } from "./compare.ts";
import { evaluate } from "./evaluate.ts";
import { train } from "./run.ts";

const place = mkdtempSync(join(tmpdir(), "limbeck-texts-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));

const fillers = ["the film was", "a plot is very", "so the", "and a film"];
/** Texts are good or bad by the one word that says so; one in ten has the other label. */
const rows = (count: number, first: number) =>
  Array.from({ length: count }, (_, index) => {
    const isGood = (index + first) % 2 === 1;
    const label = Number(isGood !== (index % 10 === 9));
    return `${fillers[(index >> 1) % 4]} ${isGood ? "good" : "bad"}\t${label}\n`;
  }).join("");

beforeAll(() => {
  mkdirSync(join(place, "reviews"));
  for (const [name, count, first] of [
    ["train", 160, 0],
    ["dev", 20, 1],
    ["test", 30, 3],
  ] as const) {
    writeFileSync(join(place, "reviews", `${name}.tsv`), `sentence\tlabel\n${rows(count, first)}`);
  }
  writeFileSync(join(place, "tokenizer.json"), JSON.stringify(wordTokenizer()));
});

const recipe = {
  data: { text: "reviews", tokenizer: "tokenizer.json", buckets: [6, 16] },
  student: { zoo: "text-cnn", embedding: 16, filters: 8, dropout: 0 },
  optimizer: { adamw: { learningRate: 0.01 } },
  epochs: 3,
  batchSize: 8,
} satisfies RecipeInput;

test("a network of texts is trained, reported on, evaluated and compared", async () => {
  const out = join(place, "out");
  const { report } = await train(recipe, { out, relativeTo: place });
  const { accuracy, scores, flops } = report.student;
  expect(accuracy.lastEpoch).toBeCloseTo(0.9, 6);
  expect(scores?.binary?.matthews).toBeGreaterThan(0.7);
  expect(flops).toBeGreaterThan(16 * 12 * 8 * 16);
  expect(report.protocol).toContain("Texts are padded to 6 or 16 tokens: the training step is compiled for each of these 2 lengths");
  expect(report.protocol).toContain("It is of texts of 16 tokens");
  expect(report.mistakes?.map(({ text }) => text)).toEqual(expect.arrayContaining([expect.stringMatching(/good|bad/)]));
  expect(reportHtml(report)).toMatch(/<blockquote>[^<]*(good|bad)<\/blockquote>/);
  expect(readFileSync(join(out, "tokenizer.json"))).toEqual(readFileSync(join(place, "tokenizer.json")));

  // The tokenizer beside the model; files of texts by their names; the recipe's data.
  const student = join(out, "student.onnx");
  writeFileSync(join(place, "recipe.json"), JSON.stringify(recipe));
  for (const data of ["reviews", "text:reviews", "recipe.json"]) {
    const found = await evaluate(student, { data, relativeTo: place });
    expect([found.accuracy, found.samples, found.binary]).toEqual([accuracy.lastEpoch, 30, scores?.binary]);
    expect(found.mistakes[0]?.text).toBe(report.mistakes?.[0]?.text);
  }
  const { models } = await compare([student, student], { data: "recipe.json", relativeTo: place, sizes: { S: 16 }, rounds: 1, batch: 2 });
  expect(models.map(({ scores: compared }) => compared?.accuracy)).toEqual([accuracy.lastEpoch, accuracy.lastEpoch]);

  rmSync(join(out, "tokenizer.json"));
  expect(existsSync(join(out, "tokenizer.json"))).toBe(false);
  await expect(evaluate(student, { data: "reviews", relativeTo: place })).rejects.toThrow("no tokenizer.json beside the model");
});
