import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LimbeckError } from "../errors.ts";
import { fileError, listDirectory, makeDirectory, readBytes, readIfThere, removeTemporary, writeAll, writeAtomically } from "./files.ts";

let place: string;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), "limbeck-test-"));
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

describe("writing", () => {
  test("replaces the whole content, and leaves nothing beside it", async () => {
    const path = join(place, "file");
    await writeAtomically(path, "a longer text");
    await writeAtomically(path, Uint8Array.of(1, 2));
    expect([...readFileSync(path)]).toEqual([1, 2]);
    expect(readdirSync(place)).toEqual(["file"]);
  });

  test("that fails leaves what was there, and nothing beside it", async () => {
    const path = join(place, "taken");
    mkdirSync(join(path, "inside"), { recursive: true });
    await expect(writeAtomically(path, "text")).rejects.toMatchObject({
      name: "LimbeckError",
      message: "It is a directory, not a file.",
      where: path,
    });
    expect(readdirSync(place)).toEqual(["taken"]);
    expect(readdirSync(path)).toEqual(["inside"]);
  });

  test("at once by several ends with the content of one of them", async () => {
    const path = join(place, "file");
    const contents = Array.from({ length: 8 }, (_, index) => String(index).repeat(100_000));
    await Promise.all(contents.map((content) => writeAtomically(path, content)));
    expect(contents).toContain(readFileSync(path, "utf8"));
    expect(readdirSync(place)).toEqual(["file"]);
  });

  test("of several files makes their directories", async () => {
    await writeAll({ [join(place, "a/b/one")]: "1", [join(place, "two")]: "2" });
    expect([readFileSync(join(place, "a/b/one"), "utf8"), readFileSync(join(place, "two"), "utf8")]).toEqual(["1", "2"]);
  });
});

test("what a killed process left half written is removed, and nothing else", async () => {
  for (const name of ["a.tmp", "b.tmp.onnx", "student.safetensors"]) writeFileSync(join(place, name), "");
  await removeTemporary(place, join(place, "nowhere"));
  expect(readdirSync(place).sort()).toEqual(["b.tmp.onnx", "student.safetensors"]);
});

test("what is not there", async () => {
  expect(await readIfThere(join(place, "nowhere"))).toBeUndefined();
  expect(await listDirectory(join(place, "nowhere"))).toEqual([]);
  await expect(readBytes(join(place, "nowhere"))).rejects.toMatchObject({
    message: "There is no such file or directory.",
    where: join(place, "nowhere"),
  });
});

test("a file where a directory should be", async () => {
  const path = join(place, "file", "below");
  writeFileSync(join(place, "file"), "");
  const attempts = [makeDirectory, readIfThere, listDirectory, (taken: string) => writeAtomically(taken, "")];
  for (const attempt of attempts) {
    await expect(attempt(path)).rejects.toMatchObject({
      message: "A part of the path is a file, not a directory.",
      where: path,
      exitCode: 2,
    });
  }
});

test("a shortage is no mistake of the user's: exit code 1, and the run can be resumed", () => {
  for (const code of ["ENOSPC", "EDQUOT", "EFBIG", "EIO"]) {
    const error = fileError(Object.assign(new Error(code), { code }), "here") as LimbeckError;
    expect(error).toBeInstanceOf(LimbeckError);
    expect(error).toMatchObject({ where: "here", exitCode: 1, hint: expect.stringContaining("--resume") });
  }
  const other = new Error("not of the file system");
  expect(fileError(other, "here")).toBe(other);
});
