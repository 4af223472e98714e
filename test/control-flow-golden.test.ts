import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type Graph, takenBy } from "../src/graph/graph.ts";
import { readOnnx } from "../src/graph/onnx/read.ts";
import { writeOnnx } from "../src/graph/onnx/write.ts";
import { canonicalize } from "../src/graph/rewrite/canonicalize.ts";
import { foldControlFlow } from "../src/graph/rewrite/control-flow.ts";
import { inferShapes } from "../src/graph/rewrite/infer.ts";
import { bitsOf } from "../src/graph/run.fixture.ts";
import { float32, type Tensor, toNumbers } from "../src/graph/tensor.ts";
import { nodeRuntime } from "../src/runtime/node.ts";

/**
 * Written by scripts/golden/control-flow.py: what TorchScript's exporter makes of Python's `if`, `for`, `while` and lists, and onnxscript
 * of functions.
 */
const folder = new URL("./golden/control-flow/", import.meta.url);
const files = readdirSync(folder);
const x = float32([-2, -1.5, -1, -0.5, -0.25, 0.25, 0.5, 1, 1.5, 2, 2.5, 3], [3, 4]);

async function outputOf(bytes: Uint8Array): Promise<Tensor> {
  const session = await nodeRuntime({ threads: 1 }).createSession(bytes);
  const [output] = Object.values(await session.run({ x }));
  await session.release();
  return output as Tensor;
}
const controlFlowIn = (graph: Graph) => graph.nodes.filter(({ op }) => /^(If|Loop|.*Sequence.*)$/.test(op)).map(({ op }) => op);

test.each(files)("%s is read, and its control flow resolved as far as it doesn't depend on the data", async (file) => {
  const bytes = readFileSync(new URL(file, folder));
  const graph = readOnnx(bytes, file);
  const expected = await outputOf(bytes);
  expect(bitsOf(await outputOf(writeOnnx(graph)))).toEqual(bitsOf(expected));
  const folded = foldControlFlow(graph);
  // The branch of Block, called twice, goes by the largest element.
  expect(controlFlowIn(folded)).toEqual(file.startsWith("onnxscript") ? ["If", "If"] : []);
  expect(bitsOf(await outputOf(writeOnnx(folded)))).toEqual(bitsOf(expected));
  if (controlFlowIn(folded).length > 0) return;
  const canonical = canonicalize(graph);
  expect(inferShapes(canonical).get("y")?.shape).toEqual(["N", ...expected.shape.slice(1)]);
  const actual = toNumbers(await outputOf(writeOnnx(canonical)));
  toNumbers(expected).forEach((number, index) => {
    expect(actual[index]).toBeCloseTo(number, 5);
  });
});

test("values of functions and of what loops repeat have names of their own", () => {
  for (const file of files) {
    const { nodes, initializers } = foldControlFlow(readOnnx(readFileSync(new URL(file, folder)), file));
    const given = [...initializers.keys(), ...nodes.flatMap(({ outputs }) => outputs)];
    expect(new Set(given).size).toBe(given.length);
    expect(nodes.flatMap(takenBy).filter((name) => name !== "x" && !given.includes(name))).toEqual([]);
  }
});
