import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { explain, type LimbeckError } from "../../errors.ts";
import { lookInto } from "./file-bytes.ts";
import { type TarPart, tar } from "./tar.fixture.ts";
import { tarEntries } from "./tar-index.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "limbeck-tar-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Names and contents, read where the index says. */
function unpacked(bytes: Uint8Array): Promise<[string, string][]> {
  const path = join(directory, "x.tar");
  writeFileSync(path, bytes);
  return lookInto(path, (file) =>
    Array.from(tarEntries(file), ({ name, offset, size }) => [name, Buffer.from(bytes.subarray(offset, offset + size)).toString()]),
  );
}

async function complaint(bytes: Uint8Array): Promise<string> {
  try {
    await unpacked(bytes);
    return "none";
  } catch (error) {
    return explain(error as LimbeckError);
  }
}

describe("the index of a tar archive", () => {
  it("finds every file, whatever its name and length", async () => {
    const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 300 }).filter((text) => !text.includes("\0"));
    const content = fc.oneof(
      fc.string({ maxLength: 40 }),
      fc.constantFrom(0, 511, 512, 513, 20_000, 70_000).map((length) => "x".repeat(length)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.record({ name, content }), { maxLength: 6 }), async (files) => {
        expect(await unpacked(tar(files))).toEqual(files.map(({ name, content }) => [name, content]));
      }),
    );
  });

  it.each(["ustar", "gnu", "pax"])("reads what Python writes as %s", async (format) => {
    const bytes = gunzipSync(readFileSync(new URL(`../../../test/golden/data/${format}.tar.gz`, import.meta.url)));
    const long = `${"deep/".repeat(24)}${format === "ustar" ? "a" : "a long name ü ".repeat(12)}.jpg`;
    expect(await unpacked(bytes)).toEqual([
      ["one.jpg", "first"],
      [long, "second"],
      ["empty.cls", ""],
    ]);
  });

  it("takes sizes in base 256, as GNU tar writes large ones", async () => {
    const size = Uint8Array.of(0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3);
    expect(
      await unpacked(
        tar([
          { name: "a", content: "abc", size },
          { name: "b", content: "d" },
        ]),
      ),
    ).toEqual([
      ["a", "abc"],
      ["b", "d"],
    ]);
  });

  it("leaves out directories and what is said of all entries", async () => {
    const parts: TarPart[] = [
      { name: "pax_global_header", content: "20 comment=anything\n", type: "g" },
      { name: "folder/", type: "5" },
      { name: "old", content: "1", type: "\0" },
    ];
    expect(await unpacked(tar(parts))).toEqual([["old", "1"]]);
  });

  const two: TarPart[] = [
    { name: "a.jpg", content: "x".repeat(600) },
    { name: "a.cls", content: "1" },
  ];
  const whole = tar(two);
  const flipped = (at: number) => Buffer.from(whole.map((byte, index) => (index === at ? byte ^ 1 : byte)));
  const pax = (content: string) => tar([{ name: "x", content, type: "x" }, ...two]);
  it.each([
    [
      "a header that has changed",
      flipped(1536 + 3),
      /^There is no header of tar\. \(in .*x\.tar, at byte 1536\) — It is damaged or incomplete/,
    ],
    ["something else", Buffer.alloc(2048, "PK"), /^There is no header of tar\. \(in .*, at byte 0\)/],
    ["nothing", Buffer.alloc(0), /^The archive ends without its mark of the end\. \(in .*, at byte 0\)/],
    ["a lost end", tar(two, Buffer.alloc(0)), /^The archive ends without its mark of the end\. \(in .*, at byte 2560\)/],
    ["half a header", whole.subarray(0, 1700), /^The archive ends without its mark of the end\. \(in .*, at byte 1536\)/],
    ["half a file", whole.subarray(0, 1000), /^"a\.jpg" should have 600 bytes, but the archive ends\. \(in .*, at byte 0\)/],
    [
      "a hole",
      Buffer.concat([whole.subarray(0, 1536), Buffer.alloc(5120), whole]),
      /^The archive goes on behind its end\. \(in .*, at byte 1536\)/,
    ],
    ["a long padding", Buffer.concat([whole, Buffer.alloc(2 ** 21)]), /^The archive goes on behind its end\./],
    ["gzip", gzipSync(whole), /^The archive is compressed\. \(in .*x\.tar\) — Decompress it first/],
    ["a link", tar([{ name: "a.jpg", type: "2" }]), /^"a\.jpg" is a link, .* \(in .*, at byte 0\) — Pack the archive anew/],
    ["a size of letters", tar([{ name: "a", size: Buffer.from("abc") }]), /^The header gives no size\. \(in .*, at byte 0\)/],
    ["an enormous size", tar([{ name: "a", size: Buffer.from([0x80, ...Buffer.alloc(11, 0x7f)]) }]), /^The header gives no size\./],
    [
      "a size beyond the end",
      tar([{ name: "a", size: Buffer.from("77777777777") }]),
      /^"a" should have 8589934591 bytes, but the archive ends/,
    ],
    ["a negative size", tar([{ name: "a", size: Buffer.from("-1") }]), /^The header gives no size\./],
    ["an enormous name", tar([{ name: "a", content: "b".repeat(2 ** 17), type: "L" }]), /^A name has 131072 bytes\./],
    ["pax without lengths", pax("path=a\n"), /^A header of pax can't be read\. \(in .*, at byte 512\)/],
    ["pax with a wrong length", pax("99 path=a\n"), /^A header of pax can't be read\./],
    ["pax of length 0", pax("0 path=a\n"), /^A header of pax can't be read\./],
    ["pax with a wrong size", pax("12 size=abc\n"), /^The header gives no size\./],
  ])("refuses %s", async (_, bytes, message) => {
    expect(await complaint(bytes)).toMatch(message);
  });

  it("ends with entries or a message for any damage", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), async (at, byte, length) => {
        const bytes = Buffer.from(whole);
        bytes[at] = byte;
        const found = await complaint(bytes.subarray(0, length));
        expect(found).toMatch(/^none$|\(in .*x\.tar/);
      }),
    );
  });
});
