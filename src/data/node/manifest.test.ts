import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { explain, LimbeckError } from "../../errors.ts";
import type { ImageItems } from "../image-items.ts";
import type { ImageLocation, ImageSourceOptions } from "./image-locations.ts";
import { openManifest } from "./manifest.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "limbeck-manifest-"));
  for (const name of ["a.png", "b.png", "c.png", "deep/d.png", "..e.png", 'f "g", h.png']) await write(name, name);
});
afterEach(() => rm(root, { recursive: true }));

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}

const open = (location: ImageLocation, columns?: ImageSourceOptions["columns"]) => openManifest(location, { relativeTo: root, columns });

/** Paths below the directory and names of classes. */
function listed(items: ImageItems | undefined): string[] | undefined {
  if (!items) return undefined;
  return Array.from({ length: items.length }, (_, i) => `${items.where(i).slice(root.length + 1)}: ${items.classes[items.label(i)]}`);
}

const complaint = (promise: Promise<unknown>) =>
  promise.then(
    () => "none",
    (error) => (error instanceof LimbeckError ? explain(error) : String(error)),
  );

describe("a manifest", () => {
  it("lists images and labels, in columns of usual names, all of them for training", async () => {
    await write(
      "all.csv",
      '\ufeffid,Filename,Label\n1,a.png,cat\n2, deep/../b.png ,dog\n\n3,"f ""g"", h.png",cat\n4,deep/d.png,dog\n5,..e.png,cat\n',
    );
    const { train, validation, test } = await open("all.csv");
    expect(listed(train)).toEqual(["a.png: cat", "b.png: dog", 'f "g", h.png: cat', "deep/d.png: dog", "..e.png: cat"]);
    expect([train.name, train.classes, validation, test]).toEqual(["all.csv (train)", ["cat", "dog"], undefined, undefined]);
    expect(Buffer.from(await train.encoded(3)).toString()).toBe("deep/d.png");
  });

  it("may say the split of each row", async () => {
    await write("all.tsv", "path\tclass\tsplit\na.png\t1\ttrain\nb.png\t0\tTest\nc.png\t2\tval\n");
    const { train, validation, test } = await open("all.tsv");
    expect([listed(train), listed(validation), listed(test)]).toEqual([["a.png: 1"], ["c.png: 2"], ["b.png: 0"]]);
    expect(test?.classes).toEqual(["0", "1", "2"]);
  });

  it("may be of JSON, a line for each image", async () => {
    await write("all.jsonl", '\ufeff{"file_name":"a.png","label":1,"__proto__":{"label":7}}\r\n\n{"label":0,"file_name":"b.png"}');
    expect(listed((await open("all.jsonl")).train)).toEqual(["a.png: 1", "b.png: 0"]);
  });

  it("may be one for each split, found by its name or given, with classes in common", async () => {
    await write("train-0.csv", "image,label,split\na.png,cat,test\n");
    await write("train-1.csv", "image,label\nb.png,dog\n");
    await write("test.jsonl", '{"image":"c.png","label":"ant"}');
    for (const location of [".", { train: ["train-0.csv", "train-1.csv"], test: "test.jsonl" }]) {
      const { train, validation, test } = await open(location);
      expect([listed(train), listed(validation), listed(test)]).toEqual([["a.png: cat", "b.png: dog"], undefined, ["c.png: ant"]]);
      expect(train.classes).toEqual(["ant", "cat", "dog"]);
    }
  });

  it("has the columns that are named", async () => {
    await write("all.csv", "image,label,picture,breed\nno.png,x,a.png,pug\n");
    const { train } = await open("all.csv", { image: "picture", label: "breed" });
    expect(listed(train)).toEqual(["a.png: pug"]);
  });

  it("comes back as it was written", async () => {
    const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 }).map((text) => `x${text.replaceAll(/[/\\\0\s]/g, "_")}y`);
    const rows = fc.array(fc.record({ image: name, label: name }), { minLength: 1, maxLength: 8 });
    const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
    await fc.assert(
      fc.asyncProperty(rows, async (list) => {
        for (const { image } of list) await write(`random/${image}`, "1");
        await write("random/all.csv", `image,label\n${list.map(({ image, label }) => `${quoted(image)},${quoted(label)}`).join("\n")}`);
        await write("random/all.jsonl", list.map((row) => JSON.stringify(row)).join("\n"));
        const expected = list.map(({ image, label }) => `random/${image}: ${label}`);
        expect(listed((await open("random/all.csv")).train)).toEqual(expected);
        expect(listed((await open("random/all.jsonl")).train)).toEqual(expected);
      }),
      { numRuns: 30 },
    );
  });

  const csv = (rows: string) => `image,label\na.png,cat\n${rows}`;
  it.each([
    ["a path above", "x.csv", csv("../b.png,cat"), /^The path "\.\.\/b\.png" leads out of the directory\. \(in .*x\.csv, row 3\)/],
    ["a path that goes down and up", "x.csv", csv("deep/../../b.png,cat"), /leads out of the directory/],
    ["an absolute path", "x.csv", csv("/etc/passwd,cat"), /^The path "\/etc\/passwd" leads out/],
    ["a path of Windows", "x.csv", csv("C:\\b.png,cat"), /leads out of the directory/],
    ["a path above, of Windows", "x.csv", csv("..\\b.png,cat"), /leads out of the directory/],
    ["no path", "x.csv", csv(",cat"), /^The row names no image\. \(in .*x\.csv, row 3\)/],
    ["a number for a path", "x.jsonl", '{"image":7,"label":"cat"}', /^The row names no image\. \(in .*x\.jsonl, row 1\)/],
    ["a missing image", "x.csv", csv("no.png,cat"), /^There is no such image\. \(in .*no\.png, from .*x\.csv, row 3\)/],
    ["no label", "x.csv", csv("b.png,"), /^The image has no label\. \(in .*x\.csv, row 3\) — Images without labels/],
    [
      "a key that one line lacks",
      "x.jsonl",
      '{"image":"a.png","label":1}\n{"image":"a.png"}',
      /^The image has no label\. \(in .*x\.jsonl, row 2\)/,
    ],
    ["a list for a label", "x.jsonl", '{"image":"a.png","label":[1]}', /^The label is neither a text nor a whole number\. \(in .*row 1\)/],
    ["a gap between labels", "x.csv", "image,label\na.png,0\nb.png,2\n", /^There is a label 2, but no 1\. \(in x\.csv \(train\)\)/],
    ["another number of columns", "x.csv", csv("b.png"), /^A row is damaged\. \(in .*x\.csv\) — .*on line 3/],
    ["a quote that doesn't end", "x.csv", csv('"b.png,cat'), /^A row is damaged\. .*x\.csv/],
    ["an endless row", "x.csv", csv(`"${"b".repeat(2 ** 21)}`), /^A row is damaged\. .*[Mm]ax/],
    ["an endless line", "x.jsonl", "b".repeat(2 ** 21), /^A row is longer than 1048576 characters\. \(in .*x\.jsonl\)/],
    ["something else than JSON", "x.jsonl", "image,label", /^This is no JSON\. \(in .*x\.jsonl, row 1\)/],
    ["a JSON list", "x.jsonl", "[1]", /^This is no JSON object\. \(in .*x\.jsonl, row 1\)/],
    [
      "an unknown split",
      "x.csv",
      "image,label,split\na.png,cat,extra\n",
      /^"extra" is no split\. \(in .*row 2\) — Write train, validation or test\./,
    ],
    ["test images alone", "x.csv", "image,label,split\na.png,cat,test\n", /^There is no image for training\. \(in .*x\.csv\)/],
    ["no rows", "x.csv", "image,label\n", /^There are no images\. \(in .*x\.csv\)/],
    ["nothing at all", "x.csv", "", /^There are no images\. \(in .*x\.csv\)/],
    [
      "unknown columns",
      "x.csv",
      "a.png,cat\n",
      /^No column is known to hold the image\. \(in .*\) — Say which in columns\.image: there are a\.png, cat\./,
    ],
    ["an unknown label", "x.csv", "image,animal\n", /^No column is known to hold the label\./],
  ])("is refused for %s", async (_, name, text, message) => {
    await write(name, text);
    expect(await complaint(open(name))).toMatch(message);
  });

  it("is refused when it, or a column that is named, is missing", async () => {
    await write("x.csv", "image,label\na.png,cat\n");
    expect(await complaint(open("x.csv", { label: "Label" }))).toMatch(
      /^There is no column "Label"\. \(in .*\) — .*: there are image, label\./,
    );
    expect(await complaint(open("no.csv"))).toMatch(/^There is no such file\. \(in .*no\.csv\)/);
    expect(await complaint(open("no.jsonl"))).toMatch(/^There is no such file\. \(in .*no\.jsonl\)/);
    expect(await complaint(open("deep"))).toMatch(
      /^There is no \.csv or \.tsv or \.jsonl or \.ndjson file\. \(in .*deep\) — Files would be train-\*\.csv/,
    );
    await write("deep/test.csv", "image,label\n");
    expect(await complaint(open("deep"))).toMatch(/^There are files for test, but none for training\. \(in .*deep\)/);
    expect(await complaint(open({ train: [] }))).toMatch(/^The list of files for train is empty\./);
    await write("deep/more.csv", "image,label\nd.png,cat\n");
    expect(await complaint(open({ train: ["x.csv", "deep/more.csv"] }))).toMatch(
      /^Files of one split are in .* and here\. \(in .*more\.csv\)/,
    );
  });
});
