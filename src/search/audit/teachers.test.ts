import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { parseRecipe } from "../../distill/recipe/parse.ts";
import { teachersOf } from "./teachers.ts";

const place = mkdtempSync(join(tmpdir(), "limbeck-test-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));

const recipe = (teacher: string | string[]) =>
  parseRecipe({ data: { idx: "mnist" }, teacher, student: { zoo: "mlp" }, optimizer: { adamw: { learningRate: 0.001 } }, epochs: 1 });

it("tries the recipe's other teachers, those given, and some earlier checkpoints, each once", async () => {
  mkdirSync(join(place, "run"));
  for (const epoch of [1, 2, 4, 8, 16, 32]) writeFileSync(join(place, `run/epoch-${epoch}.onnx`), "");
  expect(
    await teachersOf(recipe(["./run/student.onnx", "b.onnx"]), place, [
      join(place, "b.onnx"),
      "/elsewhere/c.onnx",
      join(place, "run/student.onnx"),
    ]),
  ).toEqual({
    teacher: "./run/student.onnx",
    others: [
      { kind: "teacher", path: "b.onnx" },
      { kind: "teacher", path: "/elsewhere/c.onnx" },
      { kind: "checkpoint", path: "run/epoch-1.onnx" },
      { kind: "checkpoint", path: "run/epoch-4.onnx" },
      { kind: "checkpoint", path: "run/epoch-16.onnx" },
    ],
  });
  expect((await teachersOf(recipe("run/epoch-4.onnx"), place, [])).others.map(({ path }) => path)).toEqual([
    "run/epoch-1.onnx",
    "run/epoch-16.onnx",
  ]);
});
