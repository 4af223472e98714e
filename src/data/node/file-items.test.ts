import { mkdir, mkdtemp, rm, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { explain, LimbeckError } from "../../errors.ts";
import { fileItems } from "./file-items.ts";
import { openImageItems } from "./open-items.ts";
import { packStrings, stringAt } from "./packed-strings.ts";

describe("packed strings", () => {
  it("come back as they were", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "grapheme", maxLength: 600 })), (texts) => {
        const packed = packStrings(texts);
        expect(texts.map((_, index) => stringAt(packed, index))).toEqual(texts);
        expect(packed.bytes.buffer).toBeInstanceOf(SharedArrayBuffer);
      }),
    );
  });
});

describe("images in files", () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "limbeck-files-"));
    await mkdir(join(root, "a"));
    for (const [path, text] of Object.entries({ "a/one.png": "1", "two ü.png": "22" })) {
      await writeFile(join(root, path), text);
      await utimes(join(root, path), 1000, 1000);
    }
  });
  afterEach(() => rm(root, { recursive: true }));

  const open = (paths: string[], labels = paths.map(() => 0), classes = ["cat", "dog"]) =>
    fileItems({
      name: "pets",
      root,
      paths: packStrings(paths),
      labels: Int32Array.from(labels),
      classes,
      askedIn: (index) => `row ${index}`,
    });

  const complaint = (promise: Promise<unknown>) =>
    promise.then(
      () => "none",
      (error) => (error instanceof LimbeckError ? explain(error) : String(error)),
    );

  it("are read when asked for, in every thread", async () => {
    const items = await open(["two ü.png", "a/one.png"], [1, 0]);
    expect([items.name, items.length, items.classes, items.label(0), items.label(1)]).toEqual(["pets", 2, ["cat", "dog"], 1, 0]);
    expect(items.where(1)).toBe(join(root, "a/one.png"));
    const elsewhere = openImageItems(structuredClone(items.source));
    expect(Buffer.from(await elsewhere.encoded(0)).toString()).toBe("22");
    expect([elsewhere.fingerprint, elsewhere.label(0)]).toEqual([items.fingerprint, 1]);
  });

  it("have a fingerprint of names, order, sizes, times, labels and classes", async () => {
    const same = (await open(["a/one.png", "two ü.png"])).fingerprint;
    expect((await open(["a/one.png", "two ü.png"])).fingerprint).toBe(same);
    const others = [
      await open(["two ü.png", "a/one.png"]),
      await open(["a/one.png"]),
      await open(["a/one.png", "two ü.png"], [0, 1]),
      await open(["a/one.png", "two ü.png"], [0, 0], ["cat", "cow"]),
    ];
    await utimes(join(root, "a/one.png"), 1000, 1001);
    others.push(await open(["a/one.png", "two ü.png"]));
    await writeFile(join(root, "a/one.png"), "11");
    await utimes(join(root, "a/one.png"), 1000, 1000);
    others.push(await open(["a/one.png", "two ü.png"]));
    expect(new Set([same, ...others.map(({ fingerprint }) => fingerprint)]).size).toBe(7);
  });

  it("must be there, and no directories, and not enormous", async () => {
    await truncate(join(root, "two ü.png"), 2 ** 26 + 1);
    const enormous = await open(["two ü.png"]);
    expect(await complaint(enormous.encoded(0))).toMatch(/^The image has 67108865 bytes, more than 67108864\. \(in .*two ü\.png\)/);
    expect(await complaint(open(["a/one.png", "a/no.png"]))).toMatch(
      /^There is no such image\. \(in .*a\/no\.png, from row 1\) — Put it there/,
    );
    expect(await complaint(open(["a"]))).toMatch(/^This is no file\. \(in .*a, from row 0\)/);
  });

  it("that have gone since are an error of their own", async () => {
    const items = await open(["a/one.png"]);
    await rm(join(root, "a/one.png"));
    expect(await complaint(items.encoded(0))).toMatch(/^The image cannot be read\. \(in .*a\/one\.png\) — ENOENT/);
  });
});
