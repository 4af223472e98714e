import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LimbeckError } from "../src/errors.ts";
import type { Graph } from "../src/graph/graph.ts";
import { externalFiles, withExternalData } from "../src/graph/onnx/external-data.ts";
import { readOnnx } from "../src/graph/onnx/read.ts";
import { writeOnnx } from "../src/graph/onnx/write.ts";
import { canonicalize } from "../src/graph/rewrite/canonicalize.ts";
import { foldControlFlow } from "../src/graph/rewrite/control-flow.ts";
import { foldConstants } from "../src/graph/rewrite/fold.ts";
import { bindDimensions, inferShapes, symbolicDimensions } from "../src/graph/rewrite/infer.ts";
import { float32, int64, type Tensor } from "../src/graph/tensor.ts";
import { mutated } from "./onnx-fuzz.fixture.ts";
import { fuzzModels, fuzzWeights } from "./onnx-fuzz-models.fixture.ts";

/** For more of them: LIMBECK_FUZZ_RUNS=10000 npx vitest run test/onnx-fuzz.test.ts (about a minute) */
const RUNS = Number(process.env.LIMBECK_FUZZ_RUNS ?? 1500);
const MOST_CPU_SECONDS = 5;
const MOST_BYTES = 2 ** 31;

const golden = new URL("./golden/models/", import.meta.url);
const exported = readdirSync(golden)
  .filter((file) => file.endsWith(".onnx"))
  .map((file) => readFileSync(new URL(file, golden)))
  .filter(({ length }) => length < 20_000);
const models = [...Object.values(fuzzModels), ...Object.values(fuzzModels), ...exported];

/** What is done to a model before anything is trained; each step goes on where another refuses. */
const steps: Readonly<Record<string, (graph: Graph) => unknown>> = {
  write: writeOnnx,
  fold: (graph) => inferShapes(foldConstants(foldControlFlow(graph))),
  canonicalize: (graph) => writeOnnx(canonicalize(graph)),
  bind: (graph) => {
    const bound = bindDimensions(canonicalize(graph), Object.fromEntries(symbolicDimensions(graph).map((name) => [name, 2])));
    inferShapes(foldConstants(bound));
  },
};

/** Whether it was done. Only the typed error may come out. */
function isDone(what: () => unknown): boolean {
  try {
    what();
    return true;
  } catch (error) {
    if (error instanceof LimbeckError) return false;
    throw error;
  }
}

/** The steps that a file got through. */
function outcome(bytes: Uint8Array): string[] {
  isDone(() => withExternalData(bytes, fuzzWeights, "mutated.onnx"));
  isDone(() => externalFiles(bytes, "mutated.onnx"));
  let graph: Graph | undefined;
  const isRead = isDone(() => {
    graph = readOnnx(bytes, "mutated.onnx", { files: fuzzWeights });
  });
  if (!isRead) return [];
  return ["read", ...Object.entries(steps).flatMap(([name, step]) => (isDone(() => step(graph as Graph)) ? [name] : []))];
}

test("the models go through every step before anything is wrong with them", () => {
  for (const bytes of Object.values(fuzzModels)) expect(outcome(bytes)).toEqual(["read", ...Object.keys(steps)]);
});

describe("what a few bytes ask for and no memory holds is not made", () => {
  const sizes = (...numbers: number[]) => ({ s: int64(numbers) });
  const scalars = (start: number, limit: number, step: number) => ({ a: int64([start], []), b: int64([limit], []), c: int64([step], []) });

  test.each<[string, readonly string[], Record<string, Tensor>]>([
    ["ConstantOfShape", ["s"], sizes(2 ** 20, 2 ** 20)],
    ["ConstantOfShape", ["s"], sizes(2 ** 40)],
    // No elements at all, in rows without number.
    ["ConstantOfShape", ["s"], sizes(2 ** 50, 0)],
    ["Expand", ["x", "s"], { ...sizes(2 ** 30, 1), x: float32([1]) }],
    ["Tile", ["x", "s"], { ...sizes(2 ** 40), x: float32([1]) }],
    ["Range", ["a", "b", "c"], scalars(0, 2 ** 50, 1)],
    ["Range", ["a", "b", "c"], scalars(2 ** 50, 0, -1)],
    ["Pad", ["x", "s"], { ...sizes(0, 2 ** 40), x: float32([1]) }],
    ["OneHot", ["s", "depth", "x"], { ...sizes(1), depth: int64([2 ** 40], []), x: float32([0, 1]) }],
    ["Slice", ["x", "s", "s"], { ...sizes(-(2 ** 62)), x: float32([1]) }],
    ["SplitToSequence", ["x"], { x: float32([], [2 ** 40, 0]) }],
    ["Unsqueeze", ["x", "s"], { ...sizes(...Array(100_000).keys()), x: float32([1]) }],
    ["Reshape", ["x", "s"], { ...sizes(...Array(100_000).fill(1)), x: float32([1]) }],
  ])("%s of %s", (op, inputs, constants) => {
    const nodes = [
      { op, domain: "", name: op, inputs, outputs: ["t"], attributes: {} },
      { op: "Shape", domain: "", name: "Shape", inputs: ["t"], outputs: ["y"], attributes: {} },
    ];
    const graph: Graph = {
      name: op,
      opsets: { "": 21 },
      inputs: [],
      outputs: [{ name: "y", type: "int64", shape: ["R"] }],
      nodes,
      initializers: new Map(Object.entries(constants)),
      metadata: {},
    };
    const bytes = writeOnnx(graph);
    const before = process.cpuUsage();
    expect(outcome(bytes)).toContain("read");
    expect(process.cpuUsage(before).user / 1e6).toBeLessThan(1);
    expect(1024 * process.resourceUsage().maxRSS).toBeLessThan(MOST_BYTES);
  });
});

test("files with something wrong are handled, or refused by the typed error, in little time and memory", () => {
  const counts: Record<string, number> = {};
  let slowest = 0;
  const cases = fc.tuple(fc.nat(models.length - 1), fc.integer());
  fc.assert(
    fc.property(cases, ([model, seed]) => {
      const bytes = mutated(models[model] as Uint8Array, seed);
      const before = process.cpuUsage();
      for (const step of outcome(bytes)) counts[step] = (counts[step] ?? 0) + 1;
      const { user, system } = process.cpuUsage(before);
      slowest = Math.max(slowest, (user + system) / 1e6);
      expect((user + system) / 1e6).toBeLessThan(MOST_CPU_SECONDS);
    }),
    { numRuns: RUNS },
  );
  // A file that is refused at once shows nothing: many must come through.
  expect(counts.read).toBeGreaterThan(RUNS / 4);
  expect(counts.canonicalize).toBeGreaterThan(RUNS / 20);
  expect(1024 * process.resourceUsage().maxRSS).toBeLessThan(MOST_BYTES);
  if (process.env.LIMBECK_FUZZ_RUNS) console.info(`${RUNS} files: ${JSON.stringify(counts)}, the slowest ${slowest.toFixed(2)} s`);
});
