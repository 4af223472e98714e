import { copyFile, mkdir, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { explain, LimbeckError } from "../../errors.ts";
import type { ImageItems } from "../image-items.ts";
import type { ImageLocation, ImageSourceOptions } from "./image-locations.ts";
import { openImageItems } from "./open-items.ts";
import { openParquet } from "./parquet.ts";

const golden = fileURLToPath(new URL("../../../test/golden/data/", import.meta.url));

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "limbeck-parquet-"));
});
afterEach(() => rm(root, { recursive: true }));

const open = (location: ImageLocation, columns?: ImageSourceOptions["columns"]) => openParquet(location, { relativeTo: golden, columns });

/** The images and the classes that scripts/golden/image-sources.py gives to rows. */
const image = (row: number) => `image ${row}`.repeat(row + 1);
const rows = Array.from({ length: 8 }, (_, row) => row);

async function expectRows(items: ImageItems, classes: readonly string[]): Promise<void> {
  expect(items.classes).toEqual(classes);
  expect(items.length).toBe(rows.length);
  expect(rows.map((row) => items.label(row))).toEqual(rows.map((row) => row % 3));
  // In an order in which pages come and go.
  for (const row of [7, 0, 3, 1, 6, 2, 5, 4, 7]) expect(Buffer.from(await items.encoded(row)).toString()).toBe(image(row));
}

const complaint = (promise: Promise<unknown>) =>
  promise.then(
    () => "none",
    (error) => (error instanceof LimbeckError ? explain(error) : String(error)),
  );

describe("images in Parquet files", () => {
  it.each([
    ["structs, in snappy, with names of classes", "snappy-struct", ["ant", "bee", "cat"]],
    ["bytes and texts, in Zstandard and pages of version 2", "zstd-binary", ["ant", "bee", "cat"]],
    ["structs in dictionaries and small pages, in gzip", "gzip-dictionary", ["0", "1", "2"]],
    ["bytes that can't be null, in lz4", "lz4-required", ["0", "1", "2"]],
    ["bytes as they are", "plain", ["0", "1", "2"]],
    ["differences, in Brotli", "brotli-delta", ["0", "1", "2"]],
  ])("are %s", async (_, name, classes) => {
    const { train, validation, test } = await open(`${name}.parquet`);
    await expectRows(train, classes);
    expect([train.name, validation, test]).toEqual([`${name}.parquet (train)`, undefined, undefined]);
    expect(train.where(4)).toBe(join(golden, `${name}.parquet, row 4`));
    const elsewhere = openImageItems(structuredClone(train.source));
    await expectRows(elsewhere, classes);
    expect(elsewhere.fingerprint).toBe(train.fingerprint);
  });

  it("give each image memory of its own", async () => {
    const { train } = await open("plain.parquet");
    const first = await train.encoded(0);
    expect(first.buffer.byteLength).toBe(first.length);
    first.fill(0);
    expect(Buffer.from(await train.encoded(0)).toString()).toBe(image(0));
  });

  it("may lie in several files for each split, as Hugging Face names them", async () => {
    await mkdir(join(root, "data"));
    for (const name of ["train-00000-of-00002", "train-00001-of-00002", "valid", "test-00000-of-00001-0af"]) {
      await copyFile(join(golden, "plain.parquet"), join(root, "data", `${name}.parquet`));
    }
    const { train, validation, test } = await open(root);
    expect([train.length, validation?.length, test?.length]).toEqual([16, 8, 8]);
    expect(Buffer.from(await train.encoded(13)).toString()).toBe(image(5));
    expect(train.where(13)).toBe(join(root, "data/train-00001-of-00002.parquet, row 5"));
    expect(train.label(13)).toBe(2);
    const given = await open({ train: ["plain.parquet", "brotli-delta.parquet"], test: "lz4-required.parquet" });
    expect([given.train.length, given.validation, given.test?.length]).toEqual([16, undefined, 8]);
  });

  it("have columns by name, when that is said", async () => {
    const { train } = await open("nulls.parquet", { image: "plain", label: "truth" });
    expect([train.classes, train.label(0), train.label(1)]).toEqual([["false", "true"], 0, 1]);
    expect(Buffer.from(await train.encoded(3)).toString()).toBe("z");
    expect((await open("nulls.parquet", { label: "path" })).train.classes).toEqual(["0.png", "1.png", "2.png", "3.png"]);
    expect((await open("snappy-struct.parquet", { label: "id" })).train.classes).toEqual(["0", "1", "2"]);
  });

  it("have a fingerprint of files, columns and labels", async () => {
    const path = join(root, "x.parquet");
    await copyFile(join(golden, "nulls.parquet"), path);
    const fingerprint = async (columns: ImageSourceOptions["columns"]) => (await open(path, columns)).train.fingerprint;
    const first = await fingerprint({});
    expect(await fingerprint({})).toBe(first);
    expect(new Set([first, await fingerprint({ image: "plain" }), await fingerprint({ label: "truth" })]).size).toBe(3);
  });

  it("that are null, or have no bytes, are named", async () => {
    const { train } = await open("nulls.parquet", { label: "label" });
    for (const row of [0, 1, 2]) {
      expect(await complaint(train.encoded(row))).toMatch(
        new RegExp(`^The row has no bytes of an image\\. \\(in .*nulls\\.parquet, row ${row}\\)`),
      );
    }
    expect(Buffer.from(await train.encoded(3)).toString()).toBe("x");
    const plain = await open("nulls.parquet", { image: "plain", label: "label" });
    expect(await complaint(plain.train.encoded(1))).toMatch(/^The row has no bytes of an image\. .*row 1/);
  });

  it.each([
    [{ label: "unlabelled" }, /^The image has no label\. \(in .*nulls\.parquet, row 2\) — Images without labels can't be used yet/],
    [{ label: "marked" }, /^The image has the label -1, which stands for none\. \(in .*nulls\.parquet, row 2\)/],
    [{ label: "real" }, /^The column "real" holds neither whole numbers nor texts\. \(in .*nulls\.parquet\)/],
    [{ label: "day" }, /^The column "day" holds neither whole numbers nor texts\./],
    [{ label: "list" }, /^The column "list" holds neither whole numbers nor texts\./],
    [{ label: "breed" }, /^There is no column "breed"\. .* there are image, plain, label, .*day, truth\./],
    [{ image: "path", label: "label" }, /^The column "path" holds no bytes of images\. .*Paths can be listed in a CSV file instead\./],
    [{ image: "label" }, /^The column "label" holds no bytes of images\./],
    [{ image: "list" }, /^The column "list" holds no bytes of images\./],
  ])("are refused with columns %j", async (columns, message) => {
    expect(await complaint(open("nulls.parquet", columns))).toMatch(message);
  });

  it("of several files have the same classes", async () => {
    const train = ["snappy-struct.parquet", "gzip-dictionary.parquet"];
    expect(await complaint(open({ train }))).toMatch(/^The file names other classes than the first\. \(in .*gzip-dictionary\.parquet\)/);
  });

  it("that are cut short since they were opened are named", async () => {
    const path = join(root, "x.parquet");
    await copyFile(join(golden, "plain.parquet"), path);
    const { train } = await open(path);
    await truncate(path, 100);
    expect(await complaint(train.encoded(0))).toMatch(/^The file ends at 100 bytes\. \(in .*x\.parquet\) — It has changed/);
  });
});

/** Makes every number of rows and values in the description of plain.parquet another one. */
async function claimingRows(claim: number, times = Number.POSITIVE_INFINITY): Promise<Uint8Array> {
  const bytes = await readFile(join(golden, "plain.parquet"));
  const start = bytes.length - 8 - bytes.readUInt32LE(bytes.length - 8);
  // A 64-bit integer, one field after the one before, of 8; as a zigzag varint.
  const eight = "\x16\x10";
  let varint = "";
  for (let rest = 2 * claim; rest > 0; rest = Math.floor(rest / 128)) varint += String.fromCharCode((rest % 128) + (rest >= 128 ? 128 : 0));
  let left = times;
  const description = bytes
    .toString("latin1", start, bytes.length - 8)
    .replaceAll(eight, (found) => (left-- > 0 ? `\x16${varint}` : found));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(description.length);
  return Buffer.concat([bytes.subarray(0, start), Buffer.from(description, "latin1"), length, Buffer.from("PAR1")]);
}

describe("a Parquet file that can't be", () => {
  const refusal = async (bytes: Uint8Array) => {
    await writeFile(join(root, "x.parquet"), bytes);
    return complaint(open(join(root, "x.parquet")));
  };

  it("is refused for its claims", async () => {
    expect(await refusal(await claimingRows(2 ** 40))).toMatch(/^There are 1099511627776 rows: more than 10000000\. \(in .*x\.parquet\)/);
    expect(await refusal(await claimingRows(2 ** 40, 1))).toMatch(/^The file should have 1099511627776 rows, but its groups have 8\./);
    expect(await refusal(await claimingRows(9_000_000))).toMatch(/^The Parquet file can't be read: there is no page at byte \d+\./);
    expect(await refusal(await claimingRows(7))).toMatch(/^The Parquet file can't be read: a group of 7 rows has a page of more\./);
  });

  it("is refused when it is something else, damaged or missing", async () => {
    const bytes = await readFile(join(golden, "plain.parquet"));
    expect(await refusal(new Uint8Array(0))).toMatch(/^This is no Parquet file, or not the whole of one\. \(in .*x\.parquet\)/);
    expect(await refusal(bytes.subarray(0, -1))).toMatch(/^This is no Parquet file/);
    expect(await refusal(Buffer.from("PAR1\x90\0\0\0PAR1", "latin1"))).toMatch(/its description should have 152 bytes/);
    expect(await refusal(Buffer.concat([bytes.subarray(0, -1), Buffer.from("E")]))).toMatch(/^The file is encrypted\./);
    expect(await complaint(open("no.parquet"))).toMatch(/^There is no such file\. \(in .*no\.parquet\)/);
    expect(await complaint(open(root))).toMatch(/^The file is encrypted\. \(in .*x\.parquet\)/);
    expect(await complaint(open(join(golden, "..", "models")))).toMatch(
      /^There is no \.parquet file\. \(in .*models\) — Files would be train-\*\.parquet/,
    );
  });

  it.each(["plain", "snappy-struct", "zstd-binary", "gzip-dictionary"])(
    "ends with images or a message for any damage (%s)",
    async (name) => {
      const whole = await readFile(join(golden, `${name}.parquet`));
      await fc.assert(
        fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(255), async (at, byte) => {
          const bytes = Buffer.from(whole);
          bytes[at] = byte;
          await writeFile(join(root, "x.parquet"), bytes);
          const all = open(join(root, "x.parquet")).then(async ({ train }) => {
            for (let row = 0; row < train.length; row++) await train.encoded(row);
          });
          expect(await complaint(all)).toMatch(/^none$|x\.parquet/);
        }),
        // The same damage each time: hyparquet takes long for some runs of values that claim to be enormous.
        { seed: 1, numRuns: 150 },
      );
    },
  );
});
