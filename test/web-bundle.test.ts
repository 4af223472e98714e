import { isBuiltin } from "node:module";
import { fileURLToPath } from "node:url";
import { build } from "tsdown";
import { expect, test } from "vitest";

/** What the bundle of an entry, with every dependency in it but ONNX Runtime for the web, still imports from outside. */
async function importsOfBundle(entry: string): Promise<string[]> {
  const bundles = await build({
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    config: false,
    entry: { bundle: entry },
    write: false,
    clean: false,
    dts: false,
    platform: "browser",
    logLevel: "silent",
    external: ["onnxruntime-web", "onnxruntime-node", "jiti", /^node:/],
    noExternal: (id) => !/^(onnxruntime-(web|node)|jiti|node:)/.test(id),
    inlineOnly: false,
  });
  const chunks = bundles.flatMap((bundle) => bundle.chunks).filter((chunk) => chunk.type === "chunk");
  const own = new Set(chunks.map(({ fileName }) => fileName));
  return [...new Set(chunks.flatMap((chunk) => [...chunk.imports, ...chunk.dynamicImports]))].filter((name) => !own.has(name)).sort();
}

test("the browser's entry needs nothing but onnxruntime-web, and nothing of Node", async () => {
  expect(await importsOfBundle("src/web.ts")).toEqual(["onnxruntime-web"]);
});

test("the graph's entry needs nothing at all", async () => {
  expect(await importsOfBundle("src/graph-entry.ts")).toEqual([]);
});

test("Node's entry does need Node, and a bundle shows it", async () => {
  const imports = await importsOfBundle("src/index.ts");
  expect(imports).toContain("onnxruntime-node");
  expect(imports.filter((name) => isBuiltin(name))).toContain("node:fs/promises");
});
