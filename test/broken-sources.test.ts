import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DataSource } from "../src/data/data-source.ts";
import { plain, scratch, writeFiles } from "../src/data/node/images.fixture.ts";
import { openData } from "../src/data/node/open-data.ts";
import { parquet } from "../src/data/node/parquet.fixture.ts";
import { type TarPart, tar } from "../src/data/node/tar.fixture.ts";
import { inMemory, type Samples } from "../src/data/samples.ts";
import { parseRecipe } from "../src/distill/recipe/parse.ts";
import { explain, type LimbeckError } from "../src/errors.ts";

const [red, green, blue] = await Promise.all(["#f00", "#0f0", "#00f"].map((colour) => plain(colour).png().toBuffer()));
const colours = ["red", "green", "blue"];

let place: ReturnType<typeof scratch>;
beforeEach(() => {
  place = scratch();
});
afterEach(() => place.remove());

type Source = DataSource<{ readonly size: number; readonly memory?: number; readonly unreadable?: "skip" }>;

/** The data of a recipe, as a run opens them. */
async function open(source: Source) {
  const { data } = parseRecipe({ data: source, student: { zoo: "lenet" }, optimizer: { sgd: { learningRate: 1 } }, epochs: 1 });
  return openData({ ...data, validation: 0 }, { relativeTo: place.path });
}

/** Classes and colours, such as `cat: red`. */
async function seen(samples: Samples | undefined): Promise<string[]> {
  const all = Uint32Array.from({ length: samples?.length ?? 0 }, (_, index) => index);
  const fetched = samples && (await inMemory(samples, all));
  return Array.from(all, (index) => {
    const plane = (fetched?.bytes?.(index).length ?? 0) / 3;
    const colour = colours.find((_, channel) => fetched?.bytes?.(index)[channel * plane] === 255);
    return `${samples?.classes[samples.label(index)]}: ${colour}`;
  });
}

interface Case {
  readonly files: Readonly<Record<string, Uint8Array | string>>;
  readonly data: Record<string, unknown>;
  /** What training has, or the message, the directory as `~`. */
  readonly gives: readonly string[] | RegExp;
}

const images = { "red.png": red as Buffer, "green.png": green as Buffer, "blue.png": blue as Buffer };
const test2 = { "test.csv": "image,label\nred.png,cat\n" };
const lists = (name: string) => ({ train: name, test: "test.csv" });
/** A list for training, beside a sound one for testing. */
const list = (text: string, gives: Case["gives"], name = "x.csv"): Case => ({
  files: { ...images, ...test2, [name]: text },
  data: { manifest: lists(name) },
  gives,
});
const two = ["cat: red", "dog: green"];
const csv = (rows: string) => `image,label\nred.png,cat\n${rows}`;

const manifests: Readonly<Record<string, Case>> = {
  "a mark of the order of bytes": list(`\ufeff${csv("green.png,dog")}`, two),
  "lines of Windows, and empty ones": list(csv("green.png,dog").replaceAll("\n", "\r\n\r\n"), two),
  "a line break in quotes": {
    files: { ...images, ...test2, "a\nb.png": green as Buffer, "x.csv": csv('"a\nb.png",dog') },
    data: { manifest: lists("x.csv") },
    gives: two,
  },
  "a semicolon between columns": list(
    csv("green.png,dog").replaceAll(",", ";"),
    /^No column is known to hold the image\. \(in ~\/x\.csv\) — .*there are image;label\.$/,
  ),
  "no column of labels": list(
    "image\nred.png\n",
    /^No column is known to hold the label\. \(in ~\/x\.csv\) — Say which in columns\.label: there are image\.$/,
  ),
  "no column of images": list(
    "label\ncat\n",
    /^No column is known to hold the image\. \(in ~\/x\.csv\) — Say which in columns\.image: there are label\.$/,
  ),
  "no image at a path": list(
    csv("no.png,dog"),
    /^There is no such image\. \(in ~\/no\.png, from ~\/x\.csv, row 3\) — Put it there, or leave it out of the data set\.$/,
  ),
  "a path out of the directory": list(
    csv("../../etc/passwd,dog"),
    /^The path "\.\.\/\.\.\/etc\/passwd" leads out of the directory\. \(in ~\/x\.csv, row 3\) — /,
  ),
  "a row too short": list(csv("green.png\n"), /^A row is damaged\. \(in ~\/x\.csv\) — .*line 3/),
  "a row too long": list(csv("green.png,dog,3\n"), /^A row is damaged\. \(in ~\/x\.csv\) — .*line 3/),
  "a directory for an image": list(csv(".,dog"), /^This is no file\. \(in ~, from ~\/x\.csv, row 3\) — /),
  "a text for an image": list(csv("x.csv,dog"), /^The image cannot be decoded: it is no JPEG, .*\. \(in ~\/x\.csv\) — Get it again/),
  "a class that is only tested": {
    files: { ...images, "x.csv": csv("green.png,dog"), "test.csv": "image,label\nblue.png,cow\n" },
    data: { manifest: lists("x.csv") },
    gives: two,
  },
  "a class named __proto__": list(csv("green.png,__proto__"), ["cat: red", "__proto__: green"]),
  "one class": list(csv("green.png,cat"), /^There is one class only, "cat"\. \(in x\.csv \(train\)\) — /),
  "a line of JSON that is broken": list(
    '{"image":"red.png","label":"cat"}\n{"image":"green.png",\n',
    /^This is no JSON\. \(in ~\/x\.jsonl, row 2\) — /,
    "x.jsonl",
  ),
  "a line of JSON without the image": list(
    '{"image":"red.png","label":"cat"}\n{"label":"dog"}\n',
    /^The row names no image\. \(in ~\/x\.jsonl, row 2\) — /,
    "x.jsonl",
  ),
  "a key __proto__ in JSON": list('{"image":"red.png","label":"cat","__proto__":1}\n{"image":"green.png","label":"dog"}', two, "x.jsonl"),
};

const table = (bytes: Uint8Array, gives: Case["gives"]): Case => ({
  files: { "x.parquet": bytes },
  data: { parquet: { train: "x.parquet", test: "x.parquet" } },
  gives,
});
const rows = (columns: Parameters<typeof parquet>[0], gives: Case["gives"], classes?: readonly string[]): Case =>
  table(parquet(columns, classes), gives);
const pair = [red as Buffer, green as Buffer];
const whole = parquet({ image: pair, label: ["cat", "dog"] });

const parquets: Readonly<Record<string, Case>> = {
  "names of classes as texts": rows({ image: pair, label: ["dog", "cat"] }, ["dog: red", "cat: green"]),
  "numbers of classes that have names": rows({ image: pair, label: [1, 0] }, ["dog: red", "cat: green"], ["cat", "dog"]),
  "numbers of classes without names": rows({ image: pair, label: [1, 0] }, ["1: red", "0: green"]),
  "a number that has no name": rows(
    { image: pair, label: [0, 2] },
    /^The image has the label 2, but the classes are 0 to 1\. \(in ~\/x\.parquet, row 1\) — Correct the label/,
    ["cat", "dog"],
  ),
  "a number below 0": rows(
    { image: pair, label: ["0", "-1"] },
    /^The image has the label -1, which stands for none\. \(in ~\/x\.parquet, row 1\) — Images without labels/,
  ),
  "a number left out": rows({ image: pair, label: [0, 2] }, /^There is a label 2, but no 1\. \(in x\.parquet \(train\)\) — /),
  "no rows": rows({ image: [], label: [] }, /^There are no rows\. \(in ~\/x\.parquet\)/),
  "no column of images": rows(
    { photo: pair, label: ["cat", "dog"] },
    /^No column is known to hold the image\. \(in ~\/x\.parquet\) — Say which in columns\.image: there are photo, label\.$/,
  ),
  "no column of labels": rows(
    { image: pair, kind: ["cat", "dog"] },
    /^No column is known to hold the label\. \(in ~\/x\.parquet\) — .*: there are image, kind\.$/,
  ),
  "texts for images": rows(
    { image: ["a.png", "b.png"], label: ["cat", "dog"] },
    /^The column "image" holds no bytes of images\. \(in ~\/x\.parquet\) — /,
  ),
  "an image without bytes": rows(
    { image: [red as Buffer, Buffer.alloc(0)], label: ["cat", "dog"] },
    /^The row has no bytes of an image\. \(in ~\/x\.parquet, row 1\) — /,
  ),
  "an image without bytes, left out": {
    ...rows({ image: [red as Buffer, Buffer.alloc(0), green as Buffer], label: ["cat", "dog", "dog"] }, two),
    data: { parquet: { train: "x.parquet", test: "x.parquet" }, unreadable: "skip" },
  },
  "an image that is none": rows(
    { image: [red as Buffer, Buffer.from("no")], label: ["cat", "dog"] },
    /^The image cannot be decoded: it is no JPEG, .* \(in ~\/x\.parquet, row 1\) — /,
  ),
  "a file cut at its end": table(
    whole.subarray(0, -3),
    /^This is no Parquet file, or not the whole of one\. \(in ~\/x\.parquet\) — Get it again\.$/,
  ),
  "a file that lacks its beginning": table(
    whole.subarray(100),
    /^The Parquet file can't be read: .* \(in ~\/x\.parquet.*\) — It is damaged or incomplete/,
  ),
};

const cat: TarPart[] = [
  { name: "0.png", content: red },
  { name: "0.cls", content: "cat" },
];
const dog: TarPart[] = [
  { name: "1.png", content: green },
  { name: "1.cls", content: "dog" },
];
const archive = (bytes: Uint8Array, gives: Case["gives"]): Case => ({
  files: { "x.tar": bytes },
  data: { webdataset: { train: "x.tar", test: "x.tar" } },
  gives,
});

const archives: Readonly<Record<string, Case>> = {
  "images and labels": archive(tar([...cat, ...dog]), two),
  "names out of the archive, which are names and no more": archive(
    tar([...cat, ...dog.map((part) => ({ ...part, name: `../../${part.name}` }))]),
    two,
  ),
  "a name out of the root": archive(tar([...cat, ...dog.map((part) => ({ ...part, name: `/etc/${part.name}` }))]), two),
  "an image without a label": archive(
    tar([...cat, dog[0] as TarPart]),
    /^The image has no label\. \(in ~\/x\.tar: 1\) — Images without labels/,
  ),
  "a label without an image": archive(
    tar([...cat, dog[1] as TarPart]),
    /^The sample has no image \(jpg, jpeg, png, webp\)\. \(in ~\/x\.tar: 1\)/,
  ),
  "an image that is none": archive(
    tar([...cat, { name: "1.png", content: "no" }, dog[1] as TarPart]),
    /^The image cannot be decoded: .* \(in ~\/x\.tar: 1\.png\) — /,
  ),
  "an end in the middle of an image": archive(
    tar([...cat, ...dog]).subarray(0, 520),
    /^"0\.png" should have \d+ bytes, but the archive ends\. \(in ~\/x\.tar, at byte 0\) — It is damaged/,
  ),
  "no end": archive(
    tar([...cat, ...dog], Buffer.alloc(0)),
    /^The archive ends without its mark of the end\. \(in ~\/x\.tar, at byte 4096\) — It is damaged/,
  ),
};

const record = (label: number): Buffer => Buffer.concat([Buffer.of(label), Buffer.alloc(1024, 255), Buffer.alloc(2048)]);
const cifar = (files: Case["files"], gives: Case["gives"]): Case => ({
  files: {
    ...Object.fromEntries([1, 2, 3, 4, 5].map((batch) => [`data_batch_${batch}.bin`, record(batch % 2)])),
    ...{ "test_batch.bin": record(0), "batches.meta.txt": "cat\ndog\n", ...files },
  },
  data: { cifar: "." },
  gives,
});

const cifars: Readonly<Record<string, Case>> = {
  "what it has": cifar({}, ["dog: red", "cat: red", "dog: red", "cat: red", "dog: red"]),
  "a file of another length": cifar(
    { "data_batch_3.bin": record(1).subarray(0, 3000) },
    /^The file has 3000 bytes, which is no number of images of 3073 bytes each\. \(in ~\/data_batch_3\.bin\) — It is damaged or incomplete: get it again\.$/,
  ),
  "an empty file": cifar({ "test_batch.bin": "" }, /^The file has 0 bytes, which is no number of images/),
  "a label beyond the names": cifar(
    { "data_batch_1.bin": record(2) },
    /^Sample 0 has label 2, but the classes are 0 to 1 \(cat, dog\)\. \(in \. \(train\)\) — /,
  ),
};

const kinds = { "a list": manifests, "a Parquet file": parquets, "a tar archive": archives, "CIFAR's directory": cifars };
const all = Object.entries(kinds).flatMap(([kind, cases]) => Object.entries(cases).map(([what, one]) => [kind, what, one] as const));

describe.each([
  ["in memory", 1e9],
  ["streamed", 0],
])("%s", (_, memory) => {
  test.each(all.filter(([, , { data }]) => memory > 0 || !("cifar" in data)))("%s with %s", async (_, __, { files, data, gives }) => {
    writeFiles(place.path, files);
    const source = ("cifar" in data ? data : { ...data, size: 2, memory }) as unknown as Source;
    const found = await open(source).then(
      ({ train }) => seen(train),
      (error: LimbeckError) => explain(error).replaceAll(place.path, "~"),
    );
    if (gives instanceof RegExp) expect(found).toMatch(gives);
    else expect(found).toEqual(gives);
  });
});

test.each([
  [undefined, "data.size: is missing; it must be a number, or [height, width]: what every image is brought to."],
  [0, "data.size: must be greater than 0 (found 0)."],
  [1e6, "data.size: must be at most 4096 (found 1000000)."],
  [2.5, "data.size: "],
  [[3], "data.size"],
])("a size of %j is refused", async (size, message) => {
  await expect(open({ imageFolder: ".", size } as Source)).rejects.toThrow(message);
});
