import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { fileShardStore } from "./shard-store.ts";

let place: string;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), "limbeck-test-"));
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

const bytes = (...values: number[]) => Uint8Array.from(values);
const piece = (store: ReturnType<typeof fileShardStore>, name: string, position: number, length: number) => {
  const target = new Uint8Array(length);
  store.read(name, position, target);
  return [...target];
};

it("is made with its first file, and keeps itself out of Git", async () => {
  const directory = join(place, ".cache/limbeck/teacher");
  const store = fileShardStore(directory);
  expect(await store.load("key/a.shard")).toBeUndefined();
  expect([...(await store.sizes())]).toEqual([]);
  expect(readdirSync(place)).toEqual([]);
  await store.save("key/a.shard", bytes(1, 2, 3, 4));
  expect(readFileSync(join(directory, ".gitignore"), "utf8")).toBe("*\n");
  expect([...((await store.load("key/a.shard")) ?? [])]).toEqual([1, 2, 3, 4]);
  expect(piece(store, "key/a.shard", 1, 2)).toEqual([2, 3]);
  expect(new Map(await store.sizes()).get("key/a.shard")).toBe(4);
  store.close();
});

it("writes no .gitignore into a directory that holds other things", async () => {
  writeFileSync(join(place, "notes.txt"), "mine");
  await fileShardStore(place).save("key/a.shard", bytes(1));
  expect(readdirSync(place).sort()).toEqual(["key", "notes.txt"]);
});

it("reads from more files than may be open at once", async () => {
  const store = fileShardStore(place);
  const names = Array.from({ length: 450 }, (_, index) => `key/${index}.shard`);
  mkdirSync(join(place, "key"));
  for (const [index, name] of names.entries()) writeFileSync(join(place, name), bytes(index >> 8, index & 255));
  for (const turn of [names, names.toReversed()])
    for (const name of turn) expect(piece(store, name, 0, 2)).toEqual([...readFileSync(join(place, name))]);
  store.close();
});

it("says what is wrong with a file that vanishes or shrinks", async () => {
  const store = fileShardStore(place);
  await store.save("key/a.shard", bytes(1, 2, 3));
  expect(() => piece(store, "key/b.shard", 0, 1)).toThrow(
    expect.objectContaining({ name: "LimbeckError", where: join(place, "key/b.shard") }),
  );
  truncateSync(join(place, "key/a.shard"), 1);
  expect(() => piece(store, "key/a.shard", 0, 2)).toThrow("The file ends too early.");
  store.close();
});

it("says what is wrong with a place that can't be written", async () => {
  writeFileSync(join(place, "file"), "in the way");
  await expect(fileShardStore(join(place, "file")).save("key/a.shard", bytes(1))).rejects.toMatchObject({ name: "LimbeckError" });
});

it("removes what a process that was killed has left, but not what a living one writes", async () => {
  mkdirSync(join(place, "key"));
  const hours = (count: number) => new Date(Date.now() - count * 3_600_000);
  for (const [name, age] of [
    ["old.shard.x.tmp", 2],
    ["new.shard.x.tmp", 0],
    ["old.shard", 2],
  ] as const) {
    writeFileSync(join(place, "key", name), "half");
    utimesSync(join(place, "key", name), hours(age), hours(age));
  }
  await fileShardStore(place).save("key/a.shard", bytes(1));
  expect(readdirSync(join(place, "key")).sort()).toEqual(["a.shard", "new.shard.x.tmp", "old.shard"]);
});

it("may be written to by many at once", async () => {
  const content = Uint8Array.from({ length: 50_000 }, (_, index) => index);
  await Promise.all(Array.from({ length: 8 }, () => fileShardStore(place).save("key/a.shard", content)));
  expect(readFileSync(join(place, "key/a.shard"))).toEqual(Buffer.from(content));
  expect(readdirSync(join(place, "key"))).toEqual(["a.shard"]);
  expect(statSync(join(place, ".gitignore")).size).toBe(2);
});
