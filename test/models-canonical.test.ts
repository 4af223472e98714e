import { expect, it } from "vitest";
import { tensorsOf } from "../scripts/golden/reference.ts";
import type { Graph } from "../src/graph/graph.ts";
import { readOnnx } from "../src/graph/onnx/read.ts";
import { canonicalize } from "../src/graph/rewrite/canonicalize.ts";
import { runGraph } from "../src/graph/run.fixture.ts";
import type { Tensor } from "../src/graph/tensor.ts";
import { goldenModels, readGoldenModel } from "./models-golden.fixture.ts";

/** Of the largest element of an output: other operators, other rounding. */
const TOLERANCE = 1e-5;
/** Where the file computes in float16 and its canonical form in float32. */
const HALF_TOLERANCE = 5e-3;

/** The canonical form is that of inference, so what was exported for training gives something else. */
const forInference = goldenModels.filter(([, exporter]) => !exporter.includes("in training mode"));

it.each(forInference)("%s (%s) gives the same in canonical form", async (name) => {
  const { onnx, reference } = readGoldenModel(name);
  const feeds = Object.fromEntries(tensorsOf(reference, "input"));
  const graph = readOnnx(onnx, name);
  const [expected, found] = [await runGraph(graph, feeds), await runGraph(canonicalize(graph), feeds)];
  expect(Object.keys(found)).toEqual(names(graph));
  for (const output of names(graph)) {
    const error = largestDifference(found[output] as Tensor, expected[output] as Tensor);
    expect(error, output).toBeLessThan(name === "float16" ? HALF_TOLERANCE : TOLERANCE);
  }
});

const names = (graph: Graph): string[] => graph.outputs.map(({ name }) => name);

/** The largest difference between two tensors, in proportion to the largest element of the expected one. */
function largestDifference(found: Tensor, expected: Tensor): number {
  expect(found.shape).toEqual(expected.shape);
  const [a, b] = [found.data as Float32Array, expected.data as Float32Array];
  const largest = b.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return b.reduce((most, value, index) => Math.max(most, Math.abs((a[index] as number) - value)), 0) / largest;
}
