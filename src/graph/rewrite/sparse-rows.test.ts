import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type GraphBuilder, graphBuilder } from "../builder/builder.ts";
import type { Graph, Value } from "../graph.ts";
import { runGraph } from "../run.fixture.ts";
import { float32, int64 } from "../tensor.ts";
import { sparseRows } from "./sparse-rows.ts";

const [ROWS, WIDTH, TAKEN] = [2 ** 15, 8, 6];

/** What is done with a table [V, D] and its gradient, where rows are added to zeros at the ids. */
function updated(use: (g: GraphBuilder, table: Value, gradient: Value) => Readonly<Record<string, Value>>, rows = ROWS): Graph {
  const g = graphBuilder("update");
  const [table, ids, dy] = [
    g.input("table", "float32", [rows, WIDTH]),
    g.input("ids", "int64", [TAKEN]),
    g.input("dy", "float32", [TAKEN, WIDTH]),
  ];
  const positions = g.expand(g.reshape(ids, [TAKEN, 1]), [TAKEN, WIDTH]);
  const gradient = g.scatterAdd(g.expand(g.scalar(0), [rows, WIDTH]), positions, dy, 0);
  for (const [name, value] of Object.entries(use(g, table, gradient))) g.output(value, name);
  return g.build();
}

/** As AdamW does: moments of the gradient and of its square, and the gradient's norm. */
const moments = updated((g, table, gradient) => {
  const factor = g.div(1, g.sqrt(g.reduceSumSquare(gradient)));
  const clipped = g.mul(gradient, factor);
  const mean = g.add(g.mul(table, 0.9), g.mul(clipped, 0.1));
  const square = g.add(g.mul(g.mul(clipped, clipped), 0.01), g.mul(table, 0.99));
  return { mean, square, moved: g.sub(table, g.mul(clipped, 0.5)) };
});

const numbers = (length: number, step: number) => Float32Array.from({ length }, (_, index) => Math.sin(step * index + 0.3));

const feedsOf = (ids: readonly number[]) => ({
  table: float32(numbers(ROWS * WIDTH, 0.7), [ROWS, WIDTH]),
  ids: int64(ids),
  dy: float32(numbers(TAKEN * WIDTH, 1.3), [TAKEN, WIDTH]),
});

describe("gradients of tables", () => {
  test("are held as rows, and update the whole table", async () => {
    const sparse = sparseRows(moments);
    expect(sparse.nodes.filter(({ op }) => op === "ScatterND")).toHaveLength(3);
    const id = fc.oneof(fc.integer({ min: -ROWS, max: ROWS - 1 }), fc.constantFrom(0, 3, -1, ROWS - 1, 3 - ROWS));
    await fc.assert(
      fc.asyncProperty(fc.array(id, { minLength: TAKEN, maxLength: TAKEN }), async (ids) => {
        const [expected, actual] = [await runGraph(moments, feedsOf(ids)), await runGraph(sparse, feedsOf(ids))];
        for (const name of ["mean", "square", "moved"]) {
          const [theirs, ours] = [expected[name]?.data, actual[name]?.data] as [Float32Array, Float32Array];
          // The norm is a sum over fewer zeros, in another order.
          const worst = ours.reduce((most, value, index) => Math.max(most, Math.abs(value - (theirs[index] as number))), 0);
          expect(worst).toBeLessThan(1e-6);
        }
      }),
      { numRuns: 15 },
    );
  });

  test("without a norm, keep their bits", async () => {
    const graph = updated((g, table, gradient) => ({ y: g.add(g.mul(table, 0.9), g.mul(gradient, 0.1)) }));
    const sparse = sparseRows(graph);
    expect(sparse).not.toBe(graph);
    const feeds = feedsOf([5, 5, -1, 7, ROWS - 1, 5]);
    expect((await runGraph(sparse, feeds)).y?.data).toEqual((await runGraph(graph, feeds)).y?.data);
  });

  test.each([
    ["an output of the graph", updated((_, __, gradient) => ({ gradient }))],
    ["subtracted from", updated((g, table, gradient) => ({ y: g.sub(gradient, table) }))],
    ["taken for what zeros don't stay", updated((g, table, gradient) => ({ y: g.add(table, g.exp(gradient)) }))],
    ["multiplied by other tensors", updated((g, table, gradient) => ({ y: g.mul(table, gradient) }))],
    ["added to a scalar", updated((g, table, gradient) => ({ y: g.mul(table, g.add(gradient, 1)) }))],
    ["small", updated((g, table, gradient) => ({ y: g.add(table, gradient) }), 100)],
  ])("stay whole where they are %s", (_, graph) => {
    expect(sparseRows(graph)).toBe(graph);
  });
});
