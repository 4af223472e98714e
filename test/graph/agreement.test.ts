import { existsSync, readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Graph, Shape } from "../../src/graph/graph.ts";
import { readOnnx } from "../../src/graph/onnx/read.ts";
import { canonicalize } from "../../src/graph/rewrite/canonicalize.ts";
import { bindDimensions, inferShapes, symbolicDimensions } from "../../src/graph/rewrite/infer.ts";
import { normalizeSize, substitute } from "../../src/graph/shapes/symbolic.ts";
import { randomFeeds } from "../../src/measure/latency.ts";
import { agreementOf } from "./agreement.ts";

const golden = new URL("../golden/", import.meta.url);
const filesIn = (folder: string): readonly string[] =>
  existsSync(new URL(folder, golden)) ? readdirSync(new URL(folder, golden)).filter((name) => name.endsWith(".onnx")) : [];
const model = (path: string): Graph => canonicalize(readOnnx(readFileSync(new URL(path, golden)), path));
const named = (graph: Graph, sizes: readonly number[]): Record<string, number> =>
  Object.fromEntries(symbolicDimensions(graph).map((name, index) => [name, sizes[index] as number]));

/** Idioms with sizes that only the data tells. */
const dataDependent = ["found"];

describe("what exporters write about shapes (scripts/golden/exporter-idioms.py)", () => {
  const idioms = filesIn("idioms/");

  test("is there", () => {
    expect(idioms.length).toBeGreaterThan(40);
  });

  test.each(idioms)("%s: every value's type and shape, inferred with open sizes and with numbers, is the runtime's", async (name) => {
    const graph = model(`idioms/${name}`);
    for (const sizes of [
      [3, 6, 10],
      [1, 8, 6],
    ]) {
      const { compared, open, differences } = await agreementOf(graph, randomFeeds(graph, named(graph, sizes), 1));
      expect(differences).toEqual([]);
      expect(compared).toBeGreaterThan(2);
      expect(open > 0).toBe(dataDependent.some((idiom) => name.startsWith(idiom)));
    }
  });

  test.each(idioms)("%s: binding sizes is the same before and after inference", (name) => {
    const graph = model(`idioms/${name}`);
    const symbolic = inferShapes(graph);
    // What all of them take: windows of 2, kernels of 5, 16 stored positions.
    const even = fc.integer({ min: 3, max: 8 }).map((half) => 2 * half);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), even, even, (...sizes) => {
        const bound = named(graph, sizes);
        const put = (shape: Shape) => shape.map((size) => normalizeSize(substitute(size, new Map(Object.entries(bound)))));
        for (const [value, { shape }] of inferShapes(bindDimensions(graph, bound)))
          expect({ value, shape }).toEqual({ value, shape: put(symbolic.get(value)?.shape ?? []) });
      }),
      { numRuns: 20 },
    );
  });
});

test.each(filesIn("models/"))("%s: every value's type and shape is the runtime's", async (name) => {
  const graph = model(`models/${name}`);
  const { compared, open, differences } = await agreementOf(graph, randomFeeds(graph, named(graph, [3, 16, 24]), 1));
  expect(differences).toEqual([]);
  expect(compared).toBeGreaterThan(1);
  expect(open).toBe(0);
});
