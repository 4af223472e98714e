import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { graphBuilder } from "../graph/builder/builder.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import { float32 } from "../graph/tensor.ts";
import { measurePeakMemory } from "./peak-memory.node.ts";

const place = mkdtempSync(join(tmpdir(), "limbeck-memory-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));

/** A model whose weight has so many numbers. */
function written(numbers: number): string {
  const g = graphBuilder("sum");
  const weight = g.initializer("weight", float32(Float32Array.from({ length: numbers }, (_, index) => index % 7)));
  g.output(g.add(g.input("x", "float32", [1]), weight), "y");
  const path = join(place, `${numbers}.onnx`);
  writeFileSync(path, writeOnnx(g.build()));
  return path;
}

const inputs = [{ name: "x", type: "float32", shape: [1] }] as const;

test("a model's weights and outputs are in memory, and a small model's are next to nothing", async () => {
  const large = await measurePeakMemory({ model: written(16 * 2 ** 20), inputs, threads: 1 });
  const small = await measurePeakMemory({ model: written(16), inputs, threads: 1 });
  // 64 MiB of weights, and as much that comes out.
  expect(large).toBeGreaterThan(120 * 2 ** 20);
  expect(large).toBeLessThan(600 * 2 ** 20);
  expect(small).toBeLessThan(32 * 2 ** 20);
});

test("a process that fails has no answer", async () => {
  expect(await measurePeakMemory({ model: join(place, "nowhere.onnx"), inputs })).toBeUndefined();
});
