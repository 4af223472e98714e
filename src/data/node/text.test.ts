import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TextSource } from "../data-source.ts";
import type { Samples } from "../samples.ts";
import { wordTokenizer } from "../texts.fixture.ts";
import { openData } from "./open-data.ts";
import { parquet } from "./parquet.fixture.ts";

const place = mkdtempSync(join(tmpdir(), "limbeck-texts-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));
beforeAll(() => {
  mkdirSync(join(place, "tokenizer"));
  writeFileSync(join(place, "tokenizer", "tokenizer.json"), JSON.stringify(wordTokenizer()));
});

let count = 0;
/** A folder of such files. */
function folder(files: Readonly<Record<string, string | Uint8Array>>): string {
  const name = `data${count++}`;
  mkdirSync(join(place, name));
  for (const [file, content] of Object.entries(files)) writeFileSync(join(place, name, file), content);
  return name;
}

const open = (text: TextSource["text"], more: Partial<TextSource> & { readonly validation?: number } = {}) =>
  openData(
    { text, tokenizer: "tokenizer", length: 16, buckets: 4, test: 0.5, validation: 0, splitSeed: 0, exclude: [], ...more },
    { relativeTo: place },
  );
const labelsOf = (samples: Samples) => Array.from({ length: samples.length }, (_, index) => samples.label(index));
const textsOf = (samples: Samples) => Array.from({ length: samples.length }, (_, index) => samples.texts?.text(index));
const idsOf = (samples: Samples) => Array.from({ length: samples.length }, (_, index) => [...(samples.texts?.encoding(index).ids ?? [])]);

const head = "sentence\tlabel\n";
const tsv = `${head}the film was good\t1\nbad plot\t0\n`;

describe("texts", () => {
  it("in TSV files of splits, quotes being characters like others", async () => {
    const data = folder({ "train.tsv": `${tsv}a "bad film\t0\n`, "dev.tsv": `${head}good\t1\n`, "test.tsv": `${head}bad\t0\n` });
    const { train, validation, test, notes } = await open(data);
    expect(textsOf(train)).toEqual(["the film was good", "bad plot", 'a "bad film']);
    expect(idsOf(train)).toEqual([
      [2, 9, 7, 11, 5, 3],
      [2, 6, 8, 3],
      [2, 10, 1, 6, 7, 3],
    ]);
    expect([train, validation, test].map(labelsOf)).toEqual([[1, 0, 0], [1], [0]]);
    expect(train.classes).toEqual(["0", "1"]);
    expect(train.texts).toMatchObject({ lengths: [8], pad: 0, vocabulary: 17 });
    expect(notes).toEqual(["Texts are padded to 8 tokens: the training step is compiled once."]);
  });

  it("without a header, columns going by number", async () => {
    const files = { "train.tsv": "x\t1\tgood film\ny\t0\tbad\nz\t1\tgood\n", "test.tsv": "x\t1\tfilm\ny\t0\tplot\n" };
    const { train, test } = await open(folder(files), { columns: { text: 2, label: 1 } });
    expect([textsOf(train), labelsOf(train), labelsOf(test)]).toEqual([
      ["good film", "bad", "good"],
      [1, 0, 1],
      [1, 0],
    ]);
  });

  it("in pairs, in CSV, with names of classes; cut the longer text first", async () => {
    const long = "the film was very very very good and the plot was not bad";
    const data = folder({ "train.csv": `sentence1,sentence2,label\n"${long}",a film,yes\n"bad, so bad",plot,no\n` });
    const { train } = await open({ train: `${data}/train.csv`, test: `${data}/train.csv` }, { length: 10, buckets: [4, 10] });
    expect([train.classes, labelsOf(train)]).toEqual([
      ["no", "yes"],
      [1, 0],
    ]);
    expect(train.texts?.text(0)).toBe(`${long}\na film`);
    const { ids, typeIds } = train.texts?.encoding(0) ?? {};
    expect([[...(ids ?? [])], [...(typeIds ?? [])]]).toEqual([
      [2, 9, 7, 11, 13, 13, 3, 10, 7, 3],
      [0, 0, 0, 0, 0, 0, 0, 1, 1, 1],
    ]);
    expect(train.texts?.lengths).toEqual([4, 10]);
  });

  it("in JSON lines, without some of the labels", async () => {
    const rows = [{ text: "good", label: "b" }, { text: "bad", label: null }, { text: "film" }, { text: "plot", label: "a" }];
    const data = folder({ "train.jsonl": rows.map((row) => JSON.stringify(row)).join("\n"), "test.jsonl": JSON.stringify(rows[0]) });
    const { train, test } = await open(data);
    expect([labelsOf(train), labelsOf(test), train.classes]).toEqual([[1, -1, -1, 0], [1], ["a", "b"]]);
  });

  it("in Parquet files, whose classes have names", async () => {
    const bytes = parquet({ idx: [7, 8, 9], sentence: ["good film", "bad", "good"], label: [1, 0, 1] }, ["negative", "positive"]);
    const { train } = await open({ train: `${folder({ "x.parquet": bytes })}/x.parquet`, test: `data${count - 1}/x.parquet` });
    expect([textsOf(train), labelsOf(train), train.classes]).toEqual([
      ["good film", "bad", "good"],
      [1, 0, 1],
      ["negative", "positive"],
    ]);
  });

  it("are held out of training where there is no test split", async () => {
    const rows = Array.from({ length: 10 }, (_, index) => `good\t${index % 2}\n`);
    const { train, test } = await open(`${folder({ "all.tsv": head + rows.join("") })}/all.tsv`);
    expect([train.length, test.length]).toEqual([5, 5]);
  });
});

describe("texts without labels", () => {
  it("have no classes, and are held out all the same", async () => {
    const rows = ["good", "bad", "film", "plot"].map((word) => `${word}\n`).join("");
    const where = folder({ "train.tsv": `sentence\n${rows}`, "test.tsv": "sentence\ngood\n" });
    const { train, validation, test } = await open({ train: `${where}/train.tsv`, test: `${where}/test.tsv` }, { validation: 1 });
    expect([train, validation, test].map(({ length, classes }) => [length, classes])).toEqual([
      [3, []],
      [1, []],
      [1, []],
    ]);
    expect(test.label(0)).toBe(-1);
  });
  it("are those whose labels are not to be looked at", async () => {
    const { train } = await open(`${folder({ "all.tsv": `${head}good\t1\nbad\t0\nfilm\t1\n` })}/all.tsv`, { columns: { label: false } });
    expect(train.classes).toEqual([]);
  });
});

describe("a mistake is named where it is:", () => {
  it.each<[string, Readonly<Record<string, string>>, Partial<TextSource>, RegExp]>([
    ["a column that isn't there", { "train.tsv": tsv }, { columns: { text: "review" } }, /no column "review".*train\.tsv/s],
    ["a number beyond the last", { "train.tsv": tsv }, { columns: { text: 5 } }, /no column 5: there are 2, from 0/],
    ["no column of texts", { "train.tsv": "x\t1\ngood\t0\n" }, {}, /hold the text.*train\.tsv.*x, 1.*from 0/s],
    ["a test sample without a label", { "train.tsv": tsv, "test.tsv": `${head}good\t\n` }, {}, /test set has no label.*test\.tsv, row 2/s],
    ["one class only", { "train.tsv": `${head}good\t0\nbad\t0\n` }, {}, /one class only, "0"/],
    [
      "numbers that are no classes",
      { "train.tsv": `${head}good\t4.5\nbad\t1.0\n` },
      {},
      /numbers such as 4\.5: regression isn't there yet/,
    ],
    ["no rows", { "train.tsv": head }, {}, /There are no texts.*train\.tsv/s],
    ["a row of other columns", { "train.tsv": `${tsv}good\n` }, {}, /A row is damaged.*train\.tsv/s],
    ["a list for a text", { "train.jsonl": '{"text": ["a"], "label": 1}' }, {}, /should be a text is none.*row 1/s],
    ["no tokenizer", { "train.tsv": tsv }, { tokenizer: "nowhere" }, /There is no tokenizer\.json.*nowhere/s],
    ["no room beside the special tokens", { "train.tsv": tsv }, { length: 1 }, /A length of 1 tokens/],
  ])("%s", async (_, files, more, message) => {
    const failed = await open(folder(files), more).catch((error: unknown) => error);
    const { name, where, hint } = failed as { name: string; where: string; hint: string };
    expect(name).toBe("LimbeckError");
    expect(`${(failed as Error).message} ${where} ${hint}`).toMatch(message);
  });
});
