import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { violations } from "./house-rules.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

test("the source keeps the rules of the house", () => {
  const paths = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" }).map((path) => `src/${path.replaceAll("\\", "/")}`);
  const files = new Map(paths.filter((path) => /\.tsx?$/.test(path)).map((path) => [path, readFileSync(join(root, path), "utf8")]));
  expect(files.size).toBeGreaterThan(50);
  expect(violations(files)).toEqual([]);
});

describe("a file that breaks a rule is named, with the rule", () => {
  /** The violations of one file beside others that exist. */
  const check = (path: string, text: string, others: readonly string[] = []) =>
    violations(new Map([...others.map((other) => [other, "export const one = 1;\n"] as const), [path, text]]));

  test.each([
    [
      "an import from above",
      "src/graph/a.ts",
      `import { one } from "../train/b.ts";`,
      /^src\/graph\/a\.ts imports \.\.\/train\/b\.ts from floor 4, but is on floor 1 /,
    ],
    ["a type from above", "src/nn/a.ts", `import type { one } from "../train/b.ts";`, /floor 4/],
    ["a lazy import from above", "src/nn/a.ts", `export const lazy = () => import("../train/b.ts");`, /floor 4/],
    ["an import type from above", "src/nn/a.ts", `export type T = import("../train/b.ts").T;`, /floor 4/],
    ["a re-export from above", "src/nn/a.ts", `export const two = 2;\nexport { one } from "../train/b.ts";`, /floor 4/],
    ["an entry imported from below", "src/cli/a.ts", `import { one } from "../index.ts";`, /floor 8/],
    ["Node in core", "src/data/a.ts", `import { join } from "node:path";`, /^src\/data\/a\.ts imports node:path \(rule: core/],
    ["Node without its prefix", "src/losses/a.ts", `import { join } from "path";`, /core/],
    ["Node by require", "src/losses/a.ts", `export const path = require("path");`, /core/],
    ["core that imports what is not", "src/train/a.ts", `import { one } from "../data/node/c.ts";`, /not core/],
    ["ONNX Runtime outside runtime/", "src/run/a.ts", `import * as ort from "onnxruntime-node";`, /only src\/runtime\/node\.ts does/],
    ["one of its files", "src/run/a.ts", `import * as ort from "onnxruntime-web/webgpu";`, /only src\/runtime\/web\.ts does/],
    ["the wrong ONNX Runtime", "src/runtime/web.ts", `import * as ort from "onnxruntime-node";`, /only src\/runtime\/node\.ts does/],
    ["a default export", "src/nn/a.ts", "export default function a() {}", /default export/],
    ["a default value", "src/nn/a.ts", "export default 1;", /default export/],
    ["a default by name", "src/nn/a.ts", "const a = 1;\nexport { a as default };", /default export/],
    ["any", "src/nn/a.ts", "export const one = 1;\nexport const two = (x: any) => x;", /^src\/nn\/a\.ts says `any` in line 2 /],
    ["a barrel", "src/nn/a.ts", `export { one } from "./d.ts";`, /barrel/],
    ["a barrel in two steps", "src/nn/a.ts", `import { one } from "./d.ts";\nexport { one };\nexport * from "./d.ts";`, /barrel/],
    ["401 lines", "src/nn/a.ts", "// one more\n".repeat(401), /has 401 lines/],
    ["a folder that is not in the house", "src/utils/a.ts", "export const one = 1;", /no folder of the house/],
    ["a file in no folder", "src/utils.ts", "export const one = 1;", /no folder of the house/],
    ["a test's helper in use", "src/nn/a.ts", `import { one } from "./e.fixture.ts";`, /only tests/],
    ["an import that leads nowhere", "src/nn/a.ts", `import { one } from "./d.js";`, /no source file/],
  ])("%s", (_, path, text, message) => {
    const others = ["src/train/b.ts", "src/data/node/c.ts", "src/nn/d.ts", "src/nn/e.fixture.ts", "src/index.ts"];
    const found = check(path, text, others);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(message);
  });

  test.each([
    [
      "imports from its own floor and below",
      "src/train/a.ts",
      `import { one } from "../losses/b.ts";\nimport { two } from "../graph/c.ts";\nexport const three = 3;`,
    ],
    ["Node outside core", "src/data/node/a.ts", `import { join } from "node:path";`],
    ["Node in a file of its own in measure", "src/measure/a.node.ts", `import { cpus } from "node:os";`],
    ["a test that imports from above", "src/graph/a.test.ts", `import { one } from "../losses/b.ts";\nimport "node:fs";`],
    ["an entry that only passes on", "src/index.ts", `export { one } from "./losses/b.ts";`],
    ["the word any where it is no type", "src/nn/a.ts", `/** any */ export const any = "any";`],
    ["400 lines", "src/nn/a.ts", "// one more\n".repeat(400)],
    ["a style sheet beside a page", "src/studio/a.ts", `import "./page.css";`],
  ])("but not %s", (_, path, text) => {
    expect(check(path, text, ["src/losses/b.ts", "src/graph/c.ts"])).toEqual([]);
  });
});
