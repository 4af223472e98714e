import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { LimbeckError } from "../errors.ts";
import { fileFinder, mapPaths } from "./recipe-files.ts";
import { directoryStore } from "./store.ts";

const place = mkdtempSync(join(tmpdir(), "limbeck-test-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));
const at = (name: string): string => join(place, name);

beforeEach(() => {
  rmSync(place, { recursive: true, force: true });
  for (const name of ["data/inner", "same/inner"]) {
    mkdirSync(at(name), { recursive: true });
    writeFileSync(at(`${name}/a.bin`), "one");
    writeFileSync(at(`${name}/../b.bin`), "two");
  }
  writeFileSync(at("weights.safetensors"), "weights");
});

const recipe = {
  data: { idx: "data", validation: 0.1 },
  teacher: ["weights.safetensors", { average: {} }],
  student: { zoo: "mlp", weights: { file: "weights.safetensors", ignore: [] } },
  cache: { directory: "cache" },
};

test("every path of a recipe is found, as it is written and resolved", () => {
  const everywhere = {
    data: { parquet: { train: ["a.parquet", "b.parquet"], test: "c.parquet" }, columns: { image: "idx" } },
    teacher: ["t.onnx", { average: {} }],
    student: "s.onnx",
    assistants: [{ zoo: "onnx", file: "as.onnx" }, { zoo: "mlp" }],
    mutual: { peers: ["p.onnx"], weight: 1 },
    stages: [{ data: { idx: "d" } }, { data: { manifest: "m.csv" } }, { data: { text: "e.tsv", tokenizer: "w" } }, { epochs: 2 }],
    cache: { directory: "c", encoding: "float16" },
    name: "t.onnx",
  };
  const asked: string[] = [];
  const mapped = mapPaths(everywhere, (path, kind) => {
    asked.push(`${kind} ${path}`);
    return `x/${path}`;
  });
  expect(asked.sort()).toEqual([
    "data a.parquet",
    "data b.parquet",
    "data c.parquet",
    "data d",
    "data e.tsv",
    "data w",
    "directory c",
    "list m.csv",
    "network as.onnx",
    "network p.onnx",
    "network s.onnx",
    "network t.onnx",
  ]);
  expect(mapped).toMatchObject({
    student: "x/s.onnx",
    stages: [{ data: { idx: "x/d" } }, { data: { manifest: "x/m.csv" } }, { data: { text: "x/e.tsv", tokenizer: "x/w" } }, { epochs: 2 }],
    name: "t.onnx",
  });
  expect(mapPaths(everywhere, (path) => path)).toEqual(everywhere);
});

describe("files are known by what is in them", () => {
  test("wherever they lie, and by their names within a directory", async () => {
    const find = fileFinder(place);
    const [one, same] = [await find(recipe), await find({ ...recipe, data: { idx: "same" } })];
    expect(Object.keys(one)).toEqual(["data", "weights.safetensors"]);
    expect(one.data).toMatch(/^sha256:[0-9a-f]{64}\/$/);
    expect(one["weights.safetensors"]).toMatch(/\.safetensors$/);
    expect(same.same).toBe(one.data);
    writeFileSync(at("same/b.bin"), "other");
    writeFileSync(at("data/inner/c.bin"), "one");
    const [changed, more] = [await fileFinder(place)({ data: { idx: "same" } }), await fileFinder(place)({ data: { idx: "data" } })];
    expect(new Set([one.data, changed.same, more.data]).size).toBe(3);
  });

  test("what isn't there, or leads elsewhere, is a mistake", async () => {
    await expect(fileFinder(place)({ data: { idx: "nowhere" } })).rejects.toThrow("There is no such file or directory.");
    await expect(fileFinder(place)({ data: { idx: "npm:no-such-package/data" } })).rejects.toThrow("is not installed");
    symlinkSync(at("same"), at("data/link"));
    await expect(fileFinder(place)({ data: { idx: "data" } })).rejects.toThrow(LimbeckError);
  });
});

describe("a store", () => {
  const store = (name = "store") => directoryStore(at(name));
  const filled = async (name?: string) => fileFinder(place, store(name).put)(recipe);

  test("gives what was put there", async () => {
    const files = await filled();
    expect(Buffer.from(await store().read(files["weights.safetensors"] as string)).toString()).toBe("weights");
    const data = await store().locate(files.data as string);
    expect(readFileSync(join(data, "inner/a.bin"), "utf8")).toBe("one");
    expect(await store().bring(files.data as string)).toBe(true);
    expect(await store().bring(`sha256:${"0".repeat(64)}/`)).toBe(false);
    await filled();
  });

  test("gives nothing that has changed there, or leads out of it", async () => {
    const files = await filled("changed");
    const weights = files["weights.safetensors"] as string;
    writeFileSync(at(`changed/files/${weights.slice("sha256:".length)}`), "forged!");
    await expect(store("changed").read(weights)).rejects.toThrow("isn't what its name says");
    const tree = at(`changed/trees/${(files.data as string).slice("sha256:".length, -1)}`);
    rmSync(join(tree, "b.bin"));
    symlinkSync(at("same/b.bin"), join(tree, "b.bin"));
    await expect(store("changed").locate(files.data as string)).rejects.toThrow("isn't what its name says");
  });

  test.each(["../../etc/passwd", `sha256:${"a".repeat(64)}/../x`, "sha256:abc.onnx", `sha256:${"A".repeat(64)}.onnx`])(
    "has no place for %s",
    async (reference) => {
      await expect(store().read(reference)).rejects.toThrow("is no name of a file in a store");
    },
  );
});
