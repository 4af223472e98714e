import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseRecipe } from "../distill/recipe/parse.ts";
import { freshDirectory, type MetricsLine, openRunDirectory } from "./directory.ts";

const recipe = parseRecipe({ data: { idx: "d" }, student: { zoo: "lenet" }, optimizer: { sgd: { learningRate: 0.1 } }, epochs: 2 });

let place: string;
let out: string;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), "limbeck-test-"));
  out = join(place, "runs/first");
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

async function begun(resume = false) {
  const directory = await openRunDirectory(out, recipe, resume);
  await directory.begin();
  return directory;
}

describe("a run directory", () => {
  test("is made when the run begins, not before", async () => {
    const directory = await openRunDirectory(out, recipe, false);
    expect(readdirSync(place)).toEqual([]);
    await directory.begin();
    await directory.begin();
    expect(readdirSync(out).sort()).toEqual(["checkpoints", "recipe.json"]);
    expect(parseRecipe(JSON.parse(readFileSync(join(out, "recipe.json"), "utf8")))).toEqual(recipe);
  });

  test("keeps checkpoints by phase, each with the name of its file", async () => {
    const { checkpoints } = await begun();
    expect(await checkpoints("student").load()).toBeUndefined();
    await checkpoints("student").save(Uint8Array.of(1));
    await checkpoints("baseline").save(Uint8Array.of(2));
    const again = (await begun(true)).checkpoints;
    expect([...((await again("student").load()) ?? []), ...((await again("baseline").load()) ?? [])]).toEqual([1, 2]);
    expect(again("student").name).toBe(join(out, "checkpoints", "student.safetensors"));
  });

  test("of another run is not touched", async () => {
    await begun();
    await expect(openRunDirectory(out, recipe, false)).rejects.toMatchObject({
      message: "This directory already holds a run.",
      hint: expect.stringContaining("--resume"),
    });
    await expect(openRunDirectory(out, { ...recipe, epochs: 3, seed: 1 }, true)).rejects.toMatchObject({
      message: "The recipe differs from the one that this run was started with (epochs, seed).",
      where: join(out, "recipe.json"),
    });
  });

  test("that another run took in the meantime is not touched", async () => {
    const late = await openRunDirectory(out, recipe, false);
    await begun();
    await expect(late.begin()).rejects.toThrow("This directory already holds a run.");
  });

  test("that holds other things is not touched, resumed or not", async () => {
    mkdirSync(out, { recursive: true });
    writeFileSync(join(out, "report.html"), "precious");
    for (const resume of [false, true])
      await expect(openRunDirectory(out, recipe, resume)).rejects.toThrow("is not empty, and holds no run");
  });

  test("may be there, if it is empty", async () => {
    mkdirSync(out, { recursive: true });
    await expect(begun()).resolves.toMatchObject({ path: out });
  });

  test("is new when there is nothing to resume", async () => {
    await expect(begun(true)).resolves.toMatchObject({ metrics: [] });
  });

  test("whose recipe.json is damaged is not resumed", async () => {
    await begun();
    writeFileSync(join(out, "recipe.json"), "{");
    await expect(openRunDirectory(out, recipe, true)).rejects.toThrow("The recipe differs from the one that this run was started with.");
  });

  test("loses what a killed process left half written", async () => {
    await begun();
    for (const name of ["metrics.jsonl.1.tmp", "checkpoints/student.safetensors.2.tmp"]) writeFileSync(join(out, name), "");
    await begun(true);
    expect([...readdirSync(out), ...readdirSync(join(out, "checkpoints"))].sort()).toEqual(["checkpoints", "recipe.json"]);
  });
});

describe("metrics.jsonl", () => {
  const line = (phase: MetricsLine["phase"], epoch: number, accuracy = 0.5): MetricsLine => ({ phase, epoch, accuracy });
  const lines = () =>
    readFileSync(join(out, "metrics.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((text) => JSON.parse(text) as unknown);

  test("has a line for each epoch; one that is run again takes the place of what was noted of it", async () => {
    const first = await begun();
    for (const epoch of [1, 2, 3]) await first.record(line("student", epoch));
    const resumed = await begun(true);
    await resumed.record(line("student", 3, 0.7));
    await resumed.record(line("baseline", 1));
    expect(lines()).toEqual([line("student", 1), line("student", 2), line("student", 3, 0.7), line("baseline", 1)]);
    expect(resumed.metrics).toEqual(lines());
  });

  test("may end in half a line", async () => {
    const first = await begun();
    await first.record(line("student", 1));
    writeFileSync(join(out, "metrics.jsonl"), `${readFileSync(join(out, "metrics.jsonl"), "utf8")}{"phase":"stud`);
    expect((await begun(true)).metrics).toEqual([line("student", 1)]);
  });
});

test("a fresh directory has the first name that is free", async () => {
  expect(await freshDirectory(join(place, "runs"), "a")).toBe(join(place, "runs", "a"));
  for (const name of ["a", "a-2", "b"]) mkdirSync(join(place, "runs", name), { recursive: true });
  expect(await freshDirectory(join(place, "runs"), "a")).toBe(join(place, "runs", "a-3"));
});
