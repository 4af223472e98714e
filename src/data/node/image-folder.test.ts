import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { explain, type LimbeckError } from "../../errors.ts";
import type { ImageItems } from "../image-items.ts";
import { openImageFolder } from "./image-folder.ts";
import { scratch, writeFiles } from "./images.fixture.ts";

let place: ReturnType<typeof scratch>;
beforeEach(() => {
  place = scratch();
});
afterEach(() => place.remove());

/** Files that need not be images: nothing is decoded here. */
const write = (...paths: string[]) => writeFiles(place.path, Object.fromEntries(paths.map((path) => [path, path])));
const open = () => openImageFolder(".", { relativeTo: place.path });
const complaint = () => open().then(String, (error: LimbeckError) => explain(error));
/** `class/path` of every image: its label, and where it is in the root. */
const listed = (items: ImageItems | undefined) =>
  items &&
  Array.from(
    { length: items.length },
    (_, index) => `${items.classes[items.label(index)]}: ${items.where(index).slice(place.path.length + 1)}`,
  );

describe("a folder of images", () => {
  it("has a class for each folder in it, in natural order, and images in the order of their paths", async () => {
    write("10/b.jpg", "10/a.PNG", "2/z.webp", "2/in/deep/a.gif", "2/c.tiff", "a/1.avif");
    const { train, validation, test, notes } = await open();
    expect(train.classes).toEqual(["2", "10", "a"]);
    expect(listed(train)).toEqual(["2: 2/c.tiff", "2: 2/z.webp", "2: 2/in/deep/a.gif", "10: 10/a.PNG", "10: 10/b.jpg", "a: a/1.avif"]);
    expect([validation, test, notes]).toEqual([undefined, undefined, []]);
    expect(Buffer.from(await train.encoded(0)).toString()).toBe("2/c.tiff");
  });

  it.each(["val", "valid", "validation"])("has its splits in train, %s and test", async (name) => {
    write("train/b/1.jpg", "train/a/1.jpg", `${name}/a/2.jpg`, `${name}/b/2.jpg`, "test/a/3.jpg", "test/b/3.jpg");
    const { train, validation, test } = await open();
    expect(listed(train)).toEqual(["a: train/a/1.jpg", "b: train/b/1.jpg"]);
    expect(listed(validation)).toEqual([`a: ${name}/a/2.jpg`, `b: ${name}/b/2.jpg`]);
    expect(listed(test)).toEqual(["a: test/a/3.jpg", "b: test/b/3.jpg"]);
    expect([train.name, validation?.name]).toEqual([". (train)", ". (validation)"]);
  });

  it("may have train alone, or a class of that name", async () => {
    write("train/a/1.jpg", "train/b/1.jpg");
    expect((await open()).train.classes).toEqual(["a", "b"]);
    write("bus/1.jpg");
    expect((await open()).train.classes).toEqual(["bus", "train"]);
  });

  it("says once what it leaves out, but for what is hidden", async () => {
    write("a/1.jpg", "b/1.jpg", "b/.hidden.jpg", ".git/c.jpg", "readme.md", "b/notes.txt", "a/old.bmp");
    const { train, notes } = await open();
    expect(train.length).toBe(2);
    expect(notes).toEqual(["3 entries were left out that are no images: readme.md, a/old.bmp, b/notes.txt."]);
    write(...Array.from({ length: 20 }, (_, index) => `a/${index + 10}.txt`));
    expect((await open()).notes?.[0]).toMatch(/^23 entries .*, a\/18\.txt, and 13 more\.$/);
  });

  it("follows links inside of it, in no circles and not out of it", async () => {
    const outside = scratch();
    writeFiles(outside.path, { "x.jpg": "" });
    write("a/1.jpg", "b/1.jpg", "b/in/2.jpg");
    const link = (target: string, path: string) => symlinkSync(target, join(place.path, path));
    link("../b/in", "a/same");
    link("../b/in", "a/twice");
    link("..", "a/loop");
    link("../a", "b/other");
    link("1.jpg", "a/linked.png");
    link("nowhere", "a/broken.jpg");
    link(outside.path, "a/out");
    link(join(outside.path, "x.jpg"), "a/out.jpg");
    const { train, notes } = await open();
    expect(listed(train)).toEqual([
      "a: a/1.jpg",
      "a: a/linked.png",
      "a: a/same/2.jpg",
      "b: b/1.jpg",
      "b: b/in/2.jpg",
      "b: b/other/1.jpg",
      "b: b/other/linked.png",
    ]);
    expect(notes?.[0]).toMatch(/a\/broken\.jpg, a\/loop, a\/out, a\/out\.jpg, a\/twice/);
    outside.remove();
  });

  it("takes names that every object inherits for names", async () => {
    write("__proto__/1.jpg", "constructor/1.jpg");
    expect((await open()).train.classes).toEqual(["__proto__", "constructor"]);
  });

  it("changes its fingerprint with its files", async () => {
    write("a/1.jpg", "b/1.jpg");
    const before = (await open()).train.fingerprint;
    expect((await open()).train.fingerprint).toBe(before);
    write("a/2.jpg");
    expect((await open()).train.fingerprint).not.toBe(before);
  });
});

describe("what is no folder of images", () => {
  test.each<[what: string, files: string[], message: RegExp]>([
    ["an empty one", [".keep"], /^There are no folders of images\. .* — Each class is a folder of jpg, jpeg, png,/],
    ["images without folders", ["1.jpg"], /^There are no folders of images\./],
    ["a class without images", ["a/1.jpg", "b/readme.txt"], /^The class "b" has no images\. \(in .*b\)/],
    ["no folders in train", ["train/1.jpg", "test/a/1.jpg"], /^There are no folders of images\. \(in .*train\)/],
    [
      "a split that lacks a class",
      ["train/a/1.jpg", "train/b/1.jpg", "test/a/1.jpg"],
      /^There is no class "b" here, which training has\. \(in \. \(test\)\)/,
    ],
    [
      "a split that has one more",
      ["train/a/1.jpg", "val/a/1.jpg", "val/b/1.jpg"],
      /^There is a class "b" here, which training lacks\. \(in \. \(validation\)\)/,
    ],
    ["a split twice", ["train/a/1.jpg", "val/a/1.jpg", "valid/a/1.jpg"], /^The folders val and valid are the same split\./],
  ])("%s", async (_, files, message) => {
    write(...files);
    expect(await complaint()).toMatch(message);
  });

  it("nothing there, or a file", async () => {
    write("file");
    for (const location of ["nowhere", "file"]) {
      await expect(openImageFolder(location, { relativeTo: place.path })).rejects.toThrow("There is no such directory.");
    }
  });

  it("a folder whose name is no text", async () => {
    write("a/1.jpg");
    mkdirSync(Buffer.concat([Buffer.from(`${place.path}/`), Buffer.from([0x63, 0xff])]));
    expect(await complaint()).toMatch(/^The name of the folder is not UTF-8\./);
  });
});
