import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import type { ImageOptions } from "../src/data/data-source.ts";
import { hollowPng, noisy, plain, scratch, writeFiles } from "../src/data/node/images.fixture.ts";
import { openData } from "../src/data/node/open-data.ts";
import { inMemory, type Samples, type Splits } from "../src/data/samples.ts";
import { explain, type LimbeckError } from "../src/errors.ts";

type Bytes = Uint8Array | string;
type Given = Partial<ImageOptions>;

let place: ReturnType<typeof scratch>;
beforeEach(() => {
  place = scratch();
});
afterEach(() => place.remove());

const options: ImageOptions = { size: 2, channels: 3, fit: "cover", unreadable: "refuse", test: 0, memory: 1e9 };

function open(given: Given = {}): Promise<Splits> {
  const data = { imageFolder: ".", ...options, ...given, validation: 0, splitSeed: 0, exclude: [] };
  return openData(data, { relativeTo: place.path });
}

/** A data set in which all is well, but for what a test puts into it. */
async function write(files: Readonly<Record<string, Bytes>>): Promise<void> {
  const good = await plain("#00f").png().toBuffer();
  writeFiles(place.path, { "train/b/0.png": good, "test/b/0.png": good, ...files });
}

/** Of a sample that is in memory, or is now read. */
async function bytesOf(samples: Samples, index: number): Promise<number[]> {
  const { bytes } = await inMemory(samples, Uint32Array.of(index));
  return [...(bytes?.(0) ?? [])];
}

/** The error as the command line shows it, the directory as `~`; or what there was instead. */
async function outcome<T>(promise: Promise<T>): Promise<T | string> {
  return promise.catch((error: LimbeckError) => explain(error).replaceAll(place.path, "~"));
}

const red = (): Sharp => plain("#f00");
const jpeg = (image = red()): Promise<Buffer> => image.jpeg({ quality: 100, chromaSubsampling: "4:4:4" }).toBuffer();
const png = (image = red()): Promise<Buffer> => image.png().toBuffer();
/** A row of pixels as they are stored. */
const pixels = (channels: 1 | 2 | 3 | 4, ...values: number[]): Sharp =>
  sharp(Uint8Array.from(values), { raw: { width: values.length / channels, height: 1, channels } });
const animation = async (): Promise<Sharp> => sharp([await png(), await png(plain("#0f0"))], { join: { animated: true } });
async function cut(file: Promise<Buffer>, share: number): Promise<Buffer> {
  const whole = await file;
  return whole.subarray(0, Math.round(share * whole.length));
}
const rgb = (r: number, g: number, b: number): number[] => [r, g, b].flatMap((value) => Array(4).fill(value));

const HINT = "Get it again or take it out of the data; `unreadable: skip` leaves out all that can't be decoded.";
const refused = (reason: string): string => `The image cannot be decoded: ${reason}. (in ~/train/a/NAME) — ${HINT}`;
const NOTHING_KNOWN = "it is no JPEG, PNG, WebP, GIF, TIFF or AVIF";
const SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9" fill="red"/></svg>';
const tiny = { size: [2, 2], fit: "stretch" } as const;

interface Case {
  readonly file: () => Promise<Bytes> | Bytes;
  /** The bytes `[C, H, W]`, or the message. */
  readonly gives: readonly number[] | string;
  /** By how much each of them may differ: what is compressed with loss. */
  readonly within?: number;
  readonly name?: string;
  readonly given?: Given;
}

const images: Readonly<Record<string, Case>> = {
  "a PNG": { file: () => png(), gives: rgb(255, 0, 0) },
  "a JPEG": { file: () => jpeg(), name: "0.jpg", gives: rgb(254, 0, 0), within: 2 },
  "a PNG named .jpg": { file: () => png(), name: "0.jpg", gives: rgb(255, 0, 0) },
  "a WebP named .PNG": { file: () => red().webp({ lossless: true }).toBuffer(), name: "0.PNG", gives: rgb(255, 0, 0) },
  "a TIFF": { file: () => red().tiff({ compression: "lzw" }).toBuffer(), name: "0.tif", gives: rgb(255, 0, 0) },
  "an AVIF": { file: () => red().avif({ lossless: true }).toBuffer(), name: "0.avif", gives: rgb(255, 0, 0), within: 2 },
  "the first image of an animated GIF": { file: async () => (await animation()).gif().toBuffer(), name: "0.gif", gives: rgb(255, 0, 0) },
  "the first image of an animated WebP": {
    file: async () => (await animation()).webp({ lossless: true }).toBuffer(),
    name: "0.webp",
    gives: rgb(255, 0, 0),
  },
  "a JPEG in CMYK": { file: () => jpeg(red().toColourspace("cmyk")), name: "0.jpg", gives: rgb(232, 0, 0), within: 6 },
  "a JPEG of grey levels": { file: () => jpeg(plain("#808080").toColourspace("b-w")), name: "0.jpg", gives: rgb(128, 128, 128), within: 1 },
  "a PNG of 16 bits": {
    file: () => png(sharp(Uint16Array.from([65535, 0x8080, 0]), { raw: { width: 1, height: 1, channels: 3 } }).toColourspace("rgb16")),
    gives: rgb(255, 128, 0),
  },
  "a PNG of 16 bits of grey": {
    file: () => png(sharp(Uint16Array.of(0x8080), { raw: { width: 1, height: 1, channels: 1 } }).toColourspace("grey16")),
    gives: rgb(128, 128, 128),
  },
  "a PNG with a palette": { file: () => plain("#f80").png({ palette: true }).toBuffer(), gives: rgb(255, 136, 0) },
  "what is half transparent, on black": { file: () => png(pixels(4, 255, 255, 0, 128)), gives: rgb(128, 128, 0) },
  "what is wholly transparent, black": { file: () => png(pixels(4, 255, 255, 255, 0)), gives: rgb(0, 0, 0) },
  "grey with transparency": { file: () => png(pixels(2, 200, 255)), gives: rgb(200, 200, 200) },
  "grey for three channels": { file: () => png(pixels(1, 77)), gives: rgb(77, 77, 77) },
  "grey for one channel": { file: () => png(pixels(1, 77).toColourspace("b-w")), given: { channels: 1 }, gives: [77, 77, 77, 77] },
  "colour for one channel": { file: () => png(pixels(3, 0, 255, 0)), given: { channels: 1 }, gives: [220, 220, 220, 220] },
  "1×1": { file: () => png(pixels(3, 1, 2, 3)), gives: rgb(1, 2, 3) },
  "1×5000": { file: () => png(plain("#f00", 1, 5000)), gives: rgb(255, 0, 0) },
  "5000×1, with black around it": {
    file: () => png(plain("#fff", 5000, 1)),
    given: { size: [3, 3], fit: "contain", channels: 1 },
    gives: [0, 0, 0, 255, 255, 255, 0, 0, 0],
  },
  "one that EXIF turns": {
    file: () => jpeg(pixels(3, 255, 255, 255, 0, 0, 0).resize(64, 32, { kernel: "nearest" }).withMetadata({ orientation: 6 })),
    name: "0.jpg",
    given: { ...tiny, channels: 1 },
    gives: [255, 255, 0, 0],
    within: 20,
  },
  "no bytes": { file: () => "", gives: refused("it is empty") },
  "a text": { file: () => "no image", name: "0.jpg", gives: refused(NOTHING_KNOWN) },
  "an SVG": { file: () => SVG, gives: refused(NOTHING_KNOWN) },
  "one byte": { file: () => Buffer.of(0x89), gives: refused(NOTHING_KNOWN) },
  "the first bytes of a PNG alone": { file: async () => (await png()).subarray(0, 8), gives: refused("it is cut short") },
  "the first bytes of a JPEG alone": { file: async () => (await jpeg()).subarray(0, 3), gives: refused("it is cut short") },
  "a bomb of 400 megapixels": { file: () => hollowPng(20_000, 20_000), gives: refused("it has more than 100 megapixels") },
  "one of 0 pixels": { file: () => hollowPng(0, 10), gives: refused("it is damaged") },
  "one that lacks most rows": { file: () => hollowPng(2000, 2000), gives: refused("it is damaged") },
  "a JPEG cut behind its thumbnail": {
    file: async () => {
      const whole = await jpeg(noisy(1, 64, 64));
      const comment = Buffer.from("fffe0006ffd8ffd9", "hex");
      return Buffer.concat([whole.subarray(0, 2), comment, whole.subarray(2, 1000)]);
    },
    name: "0.jpg",
    gives: refused("it is damaged"),
  },
  "half of a WebP": { file: () => cut(noisy(1, 64, 64).webp().toBuffer(), 0.5), gives: refused("it is damaged") },
  "half of a GIF": { file: () => cut(noisy(1, 64, 64).gif().toBuffer(), 0.5), gives: refused("it is damaged") },
  "half of a TIFF": { file: () => cut(noisy(1, 64, 64).tiff().toBuffer(), 0.5), gives: refused("it is damaged") },
  "half of an AVIF": { file: () => cut(noisy(1, 64, 64).avif().toBuffer(), 0.5), gives: refused("it is damaged") },
  ...Object.fromEntries(
    [0.1, 0.5, 0.9, 0.99].flatMap((share) => [
      [`${share} of a PNG`, { file: () => cut(png(noisy(1, 64, 64)), share), gives: refused("it is cut short") }],
      [`${share} of a JPEG`, { file: () => cut(jpeg(noisy(1, 64, 64)), share), name: "0.jpg", gives: refused("it is cut short") }],
    ]),
  ),
};

describe.each([
  ["in memory", 1e9],
  ["streamed", 0],
])("an image %s", (_, memory) => {
  test.each(Object.entries(images))("is %s", async (_, { file, gives, name = "0.png", within = 0, given }) => {
    await write({ [`train/a/${name}`]: await file(), "test/a/0.png": await png() });
    const found = await outcome(open({ ...given, memory }).then(({ train }) => bytesOf(train, 0)));
    if (typeof gives === "string") return expect(found).toBe(gives.replace("NAME", name));
    if (within === 0) return expect(found).toEqual(gives);
    const differences = gives.map((value, index) => Math.abs(value - Number(found[index])));
    expect(Math.max(...differences), String(found)).toBeLessThanOrEqual(within);
    expect(found).toHaveLength(gives.length);
  });
});

const HOW = "Each class is a folder of jpg, jpeg, png, webp, gif, tif, tiff, avif files, directly there or in train, val and test.";
const link = (target: string, path: string): void => symlinkSync(target, join(place.path, path));

interface FolderCase {
  /** Beside `train/b/0.png` and `test/b/0.png`. */
  readonly images: readonly string[];
  readonly others?: Readonly<Record<string, string>>;
  readonly more?: () => void;
  /** Of the images of training, and what is told; or the message. */
  readonly gives: { readonly classes: readonly string[]; readonly notes?: readonly string[] } | string;
  readonly given?: Given;
}

const twoOf = (name: string) => ({ images: [`train/${name}/0.png`, `test/${name}/0.png`] });
const leftOut = (name: string) => [`1 entry was left out that is no image: ${name}.`];
const broken = { "train/a/1.png": "no image", "train/a/2.jpg": "" };

const folders: Readonly<Record<string, FolderCase>> = {
  "an empty class": {
    images: [],
    more: () => mkdirSync(join(place.path, "train/a")),
    gives: `The class "a" has no images. (in ~/train/a) — ${HOW}`,
  },
  "a class that a split lacks": {
    ...{ images: ["train/a/0.png", "train/c/0.png"] },
    gives: 'There is no class "c" here, which training has. (in . (test)) — Every split must have the same classes.',
  },
  "a class that training lacks": {
    ...{ images: ["train/a/0.png", "test/a/0.png", "test/c/0.png"] },
    gives: 'There is a class "c" here, which training lacks. (in . (test)) — Every split must have the same classes.',
  },
  "hidden files": { images: ["train/a/0.png", "train/a/.1.png", "train/.c/0.png"], gives: { classes: ["a", "b"] } },
  "folders in a class": { images: ["train/a/x/y/0.png"], gives: { classes: ["a", "b"] } },
  "a folder that is named as an image": { images: ["train/a/x.jpg/0.png"], gives: { classes: ["a", "b"] } },
  "an empty folder that is named as an image": {
    images: ["train/a/0.png"],
    more: () => mkdirSync(join(place.path, "train/a/x.jpg")),
    gives: { classes: ["a", "b"] },
  },
  "a link in a circle": {
    images: ["train/a/0.png"],
    more: () => link("..", "train/a/x"),
    gives: { classes: ["a", "b"], notes: leftOut("train/a/x") },
  },
  "a link to itself": {
    images: ["train/a/0.png"],
    more: () => link("x.png", "train/a/x.png"),
    gives: { classes: ["a", "b"], notes: leftOut("train/a/x.png") },
  },
  "a link out of the directory": {
    images: ["train/a/0.png"],
    more: () => link("/etc/hostname", "train/a/x.png"),
    gives: { classes: ["a", "b"], notes: leftOut("train/a/x.png") },
  },
  "a name that is no UTF-8": {
    images: ["train/a/0.png"],
    more: () => writeFileSync(Buffer.concat([Buffer.from(`${place.path}/train/a/`), Buffer.of(0xff), Buffer.from(".png")]), ""),
    gives: { classes: ["a", "b"], notes: leftOut("train/a/\ufffd.png") },
  },
  "a name that is no UTF-8, of a folder": {
    images: ["train/a/0.png"],
    more: () => mkdirSync(Buffer.concat([Buffer.from(`${place.path}/train/`), Buffer.of(0xff)])),
    gives: "The name of the folder is not UTF-8. (in ~/train/\ufffd) — Give it another name.",
  },
  "a name of several lines": { ...twoOf("a\nb"), gives: { classes: ["a\nb", "b"] } },
  "a class named __proto__": { ...twoOf("__proto__"), gives: { classes: ["__proto__", "b"] } },
  "a text among the images": {
    images: ["train/a/0.png"],
    others: { "train/a/list.txt": "" },
    gives: { classes: ["a", "b"], notes: leftOut("train/a/list.txt") },
  },
  "images that can't be decoded, left out": {
    images: ["train/a/0.png"],
    others: broken,
    given: { unreadable: "skip" },
    gives: {
      classes: ["a", "b"],
      notes: ["2 of 4 images of . (train) were left out, which can't be decoded: ~/train/a/1.png, ~/train/a/2.jpg."],
    },
  },
  "images that can't be decoded": {
    images: ["train/a/0.png"],
    others: broken,
    gives: refused(NOTHING_KNOWN).replace("NAME", "1.png"),
  },
  "nothing else than images that can't be decoded": {
    images: ["train/a/0.png"],
    others: { ...broken, "train/a/0.png": "", "train/b/0.png": "" },
    given: { unreadable: "skip" },
    gives: "None of the 4 images can be decoded. (in . (train)) — The image cannot be decoded: it is empty.",
  },
};

describe.each([
  ["in memory", 1e9],
  ["streamed", 0],
])("a folder %s", (_, memory) => {
  test.each(Object.entries(folders))("has %s", async (_, { images, others, more, gives, given }) => {
    const image = await png();
    const all = images.some((path) => path.startsWith("test/")) ? images : [...images, "test/a/0.png"];
    await write({ ...Object.fromEntries(all.map((path) => [path, image])), ...others });
    more?.();
    const found = await outcome(open({ ...given, memory }));
    if (typeof gives === "string" || typeof found === "string") return expect(found).toBe(gives);
    const { train, notes = [] } = found;
    const classes = Array.from({ length: train.length }, (_, index) => train.classes[train.label(index)]);
    expect(classes).toEqual(gives.classes);
    expect(notes.map((note) => note.replaceAll(place.path, "~"))).toEqual(gives.notes ?? []);
    for (const [index, name] of classes.entries())
      expect(await bytesOf(train, index)).toEqual(name === "b" ? rgb(0, 0, 255) : rgb(255, 0, 0));
  });
});

test("pixels that are damaged are found at once in memory, and when they are needed where they are streamed", async () => {
  await write({ "train/a/0.png": await png(), "train/a/1.png": hollowPng(2000, 2000), "test/a/0.png": await png() });
  const message = refused("it is damaged").replace("NAME", "1.png");
  for (const unreadable of ["refuse", "skip"] as const) {
    const { train } = await open({ memory: 0, unreadable });
    expect(train.length).toBe(3);
    expect(await outcome(bytesOf(train, 1))).toBe(message);
  }
  expect(await outcome(open())).toBe(message);
  expect((await open({ unreadable: "skip" })).train.length).toBe(2);
});

describe("a data set", () => {
  it("needs two classes, and something to test on", async () => {
    writeFiles(place.path, { "a/0.png": await png(), "a/1.png": await png() });
    expect(await outcome(open())).toBe('There is one class only, "a". (in . (train)) — A classifier needs two or more to tell apart.');
    writeFiles(place.path, { "b/0.png": await png() });
    expect(await outcome(open())).toBe(
      "There is nothing to test on: 0 of 3 samples are none. (in .) — Raise data.test, or give a test split.",
    );
  });

  it("needs images", async () => {
    expect(await outcome(open())).toBe(`There are no folders of images. (in ~) — ${HOW}`);
  });
});
