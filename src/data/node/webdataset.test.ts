import { mkdir, mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { explain, LimbeckError } from "../../errors.ts";
import type { ImageItems } from "../image-items.ts";
import type { ImageLocation, ImageSourceOptions } from "./image-locations.ts";
import { openImageItems } from "./open-items.ts";
import { type TarPart, tar } from "./tar.fixture.ts";
import { expandBraces, openWebDataset } from "./webdataset.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "limbeck-webdataset-"));
});
afterEach(() => rm(root, { recursive: true }));

async function write(path: string, parts: readonly TarPart[]): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), tar(parts));
}

const open = (location: ImageLocation, columns?: ImageSourceOptions["columns"]) => openWebDataset(location, { relativeTo: root, columns });

/** Places, contents and classes. */
async function contents(items: ImageItems | undefined): Promise<string[] | undefined> {
  if (!items) return undefined;
  const text = async (i: number) =>
    `${items.where(i).slice(root.length + 1)} ${Buffer.from(await items.encoded(i))} ${items.classes[items.label(i)]}`;
  return Promise.all(Array.from({ length: items.length }, (_, index) => text(index)));
}

const sample = (key: string, content: string, label: string): TarPart[] => [
  { name: `${key}.jpg`, content },
  { name: `${key}.cls`, content: label },
];

const complaint = (promise: Promise<unknown>) =>
  promise.then(
    () => "none",
    (error) => (error instanceof LimbeckError ? explain(error) : String(error)),
  );

describe("a WebDataset", () => {
  it("has a sample for all entries that are named alike up to the first dot", async () => {
    const others: TarPart[] = [
      { name: "a/1.seg.png", content: "mask" },
      { name: "README", content: "no ending" },
      { name: "a/._1.jpg", content: "left by macOS" },
    ];
    const images: TarPart[] = [
      { name: "a/1.JPG", content: "one" },
      { name: "b/1.cls", content: " 0\n" },
      { name: "a/1.cls", content: "1" },
      { name: "b/1.webp", content: "two" },
    ];
    await write("some.tar", [...others, ...images]);
    const { train, test } = await open("some.tar");
    expect(await contents(train)).toEqual(["some.tar: a/1.JPG one 1", "some.tar: b/1.webp two 0"]);
    expect([train.name, train.classes, test]).toEqual(["some.tar (train)", ["0", "1"], undefined]);
  });

  it("may have labels in JSON, by name", async () => {
    const json = (key: string, value: object): TarPart[] => [
      { name: `${key}.png`, content: key },
      { name: `${key}.json`, content: JSON.stringify(value) },
    ];
    await write("some.tar", [...json("1", { label: "dog", breed: 1 }), ...json("2", { breed: 0, label: "cat" })]);
    expect(await contents((await open("some.tar")).train)).toEqual(["some.tar: 1.png 1 dog", "some.tar: 2.png 2 cat"]);
    expect((await open("some.tar", { label: "breed" })).train.label(0)).toBe(1);
  });

  it("may have images and labels behind other endings", async () => {
    await write("some.tar", [
      { name: "1.left.jpg", content: "l" },
      { name: "1.jpg", content: "r" },
      { name: "1.txt", content: "dog" },
    ]);
    expect(await contents((await open("some.tar", { image: "left.jpg", label: "txt" })).train)).toEqual(["some.tar: 1.left.jpg l dog"]);
  });

  it("has its shards in a directory, in a list or in a pattern, in order", async () => {
    await write("set/train-000.tar", sample("1", "one", "0"));
    await write("set/train-001.tar", [...sample("1", "two", "1"), ...sample("2", "three", "0")]);
    await write("set/validation/0.tar", sample("1", "four", "2"));
    const train = ["set/train-000.tar: 1.jpg one 0", "set/train-001.tar: 1.jpg two 1", "set/train-001.tar: 2.jpg three 0"];
    const splits = await open("set");
    expect([await contents(splits.train), await contents(splits.validation), splits.test]).toEqual([
      train,
      ["set/validation/0.tar: 1.jpg four 2"],
      undefined,
    ]);
    expect(await contents((await open("set/train-{000..001}.tar")).train)).toEqual(train);
    expect(await contents((await open({ train: ["set/train-000.tar", "set/train-001.tar"] })).train)).toEqual(train);
    const elsewhere = openImageItems(structuredClone(splits.train.source));
    expect([await contents(elsewhere), elsewhere.fingerprint]).toEqual([train, splits.train.fingerprint]);
  });

  it("has no hidden files in a directory", async () => {
    await write("set/train/0.tar", sample("1", "one", "0"));
    await write("set/train/._0.tar", [{ name: "left by macOS.jpg", content: "no label" }]);
    expect(await contents((await open("set")).train)).toEqual(["set/train/0.tar: 1.jpg one 0"]);
  });

  it("has a fingerprint that changes with it", async () => {
    const fingerprint = async () => (await open("x.tar")).train.fingerprint;
    await write("x.tar", sample("1", "one", "0"));
    const first = await fingerprint();
    expect(await fingerprint()).toBe(first);
    await write("x.tar", [...sample("1", "one", "0"), ...sample("2", "two", "0")]);
    expect(await fingerprint()).not.toBe(first);
  });

  it.each([
    ["no label", [{ name: "1.jpg", content: "one" }], /^The image has no label\. \(in .*x\.tar: 1\)/],
    ["no image", [{ name: "1.cls", content: "1" }], /^The sample has no image \(jpg, jpeg, png, webp\)\. \(in .*x\.tar: 1\)/],
    [
      "two images",
      [...sample("1", "one", "0"), { name: "1.png", content: "two" }],
      /^"1\.jpg" is an image of the same sample\. .*columns\.image/,
    ],
    ["an empty image", sample("1", "", "0"), /^The image is empty\. \(in .*x\.tar: 1\.jpg\)/],
    ["no samples", [{ name: "1.gif", content: "one" }], /^There are no images \(jpg, jpeg, png, webp\)\. \(in .*x\.tar\)/],
    ["damaged JSON", [{ name: "1.json", content: "{" }], /^This is no JSON\. \(in .*x\.tar: 1\.json\)/],
    [
      "an enormous label",
      [{ name: "1.cls", content: "a".repeat(2 ** 20 + 1) }],
      /^A label of 1048577 bytes is none\. \(in .*x\.tar: 1\.cls\)/,
    ],
    ["a gap between labels", sample("1", "one", "1"), /^There is a label 1, but no 0\. \(in x\.tar \(train\)\)/],
  ])("is refused for %s", async (_, parts, message) => {
    await write("x.tar", parts);
    expect(await complaint(open("x.tar"))).toMatch(message);
  });

  it("is refused when shards are missing, and images when shards have changed", async () => {
    await write("x-0.tar", sample("1", "one", "0"));
    expect(await complaint(open("x-{0..1}.tar"))).toMatch(/^There is no such file\. \(in .*x-1\.tar\)/);
    const { train } = await open("x-0.tar");
    await truncate(join(root, "x-0.tar"), 514);
    expect(await complaint(train.encoded(0))).toMatch(
      /^The file ends at 514 bytes\. \(in .*x-0\.tar\) — It has changed since it was opened/,
    );
  });
});

describe("braces", () => {
  it("stand for numbers as wide as the first", () => {
    expect(expandBraces("a-{08..11}.tar")).toEqual(["a-08.tar", "a-09.tar", "a-10.tar", "a-11.tar"]);
    expect([expandBraces("a.tar"), expandBraces("{x}.tar"), expandBraces("{7..7}$&")]).toEqual([["a.tar"], ["{x}.tar"], ["7$&"]]);
  });

  it.each(["{2..1}", "{0..999999999}"])("are refused as %s", (pattern) => {
    expect(() => expandBraces(pattern)).toThrow(/stands for \d+ shards/);
  });
});
