import fc from "fast-check";
import { expect, test } from "vitest";
import { graphBuilder } from "../../src/graph/builder/builder.ts";
import type { Graph, Value } from "../../src/graph/graph.ts";
import { readOnnx } from "../../src/graph/onnx/read.ts";
import { writeOnnx } from "../../src/graph/onnx/write.ts";
import { foldConstants } from "../../src/graph/rewrite/fold.ts";
import { bindDimensions, inferShapes } from "../../src/graph/rewrite/infer.ts";
import { propagate } from "../../src/graph/rewrite/propagate.ts";
import { bitsOf, runGraph } from "../../src/graph/run.fixture.ts";
import { randomFeeds } from "../../src/measure/latency.ts";
import { drawFrom, type OperatorCase, operatorCases } from "./operator-cases.ts";

const RUNS = 15;

function build(make: OperatorCase, gen: fc.GeneratorValue): Graph {
  const g = graphBuilder("case");
  const results = [make(g, drawFrom(g, gen))].flat() as Value[];
  results.forEach((result, index) => g.output(result, `y${index}`));
  return g.build();
}

/** The graph with the first size of its first input left open. */
function withOpenBatch(graph: Graph): Graph {
  return {
    ...graph,
    inputs: graph.inputs.map((input, index) =>
      index === 0 && input.shape.length > 0 ? { ...input, shape: ["N", ...input.shape.slice(1)] } : input,
    ),
  };
}

test("every operator of the builder has a case here", () => {
  const operators = Object.entries(graphBuilder("all")).flatMap(([name, member]) => (typeof member === "function" ? [name] : []));
  expect(operators.length).toBeGreaterThan(50);
  expect(operators.filter((name) => !(name in operatorCases))).toEqual([]);
});

test.each(Object.keys(operatorCases))("%s: shapes as in ONNX Runtime, and the file says the same", async (name) => {
  await fc.assert(
    fc.asyncProperty(fc.gen(), async (gen) => {
      const graph = build(operatorCases[name] as OperatorCase, gen);
      const bytes = writeOnnx(graph);
      expect(readOnnx(bytes)).toEqual(graph);
      expect(writeOnnx(readOnnx(bytes))).toEqual(bytes);

      const feeds = randomFeeds(graph, {}, 1);
      const results = await runGraph(graph, feeds);
      const open = withOpenBatch(graph);
      const openValues = propagate(open, () => false).values;
      for (const { name: output, type, shape } of graph.outputs) {
        const actual = results[output];
        expect({ type, shape }).toEqual({ type: actual?.type, shape: actual?.shape });
        // Whatever is still known when a size is open must be what the runtime gives too.
        openValues.get(output)?.shape.forEach((size, axis) => {
          if (typeof size === "number") expect(size).toBe(actual?.shape[axis]);
        });
      }
      const first = graph.inputs[0]?.shape[0];
      if (typeof first === "number") expect(inferShapes(bindDimensions(open, { N: first }))).toEqual(inferShapes(graph));

      const folded = foldConstants(graph);
      expect(foldConstants(folded)).toEqual(folded);
      const again = await runGraph(folded, feeds);
      for (const output of Object.keys(results)) expect(bitsOf(again[output] as never)).toEqual(bitsOf(results[output] as never));
    }),
    { numRuns: RUNS },
  );
});
