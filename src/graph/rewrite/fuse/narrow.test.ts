import { describe, expect, test } from "vitest";
import { randomFor } from "../../../random.ts";
import { type GraphBuilder, graphBuilder } from "../../builder/builder.ts";
import type { Graph, Value } from "../../graph.ts";
import { runGraph } from "../../run.fixture.ts";
import { elementCount, float32, int64, type Tensor } from "../../tensor.ts";
import { inferShapes } from "../infer.ts";
import { narrow } from "./narrow.ts";

const random = randomFor(3);
const normal = (...shape: number[]): Tensor => float32(Float32Array.from({ length: elementCount(shape) }, random.normal), shape);
const [N, S, D] = [3, 5, 8];

function graphOf(build: (g: GraphBuilder, x: Value) => Readonly<Record<string, Value>>): Graph {
  const g = graphBuilder("narrowing");
  for (const [name, value] of Object.entries(build(g, g.input("x", "float32", ["N", S, D])))) g.output(value, name);
  return g.build();
}

async function expectSame(graph: Graph): Promise<Graph> {
  const rewritten = narrow(graph);
  const feeds = { x: normal(N, S, D) };
  const [expected, given] = [await runGraph(graph, feeds), await runGraph(rewritten, feeds)];
  expect(Object.keys(given)).toEqual(Object.keys(expected));
  for (const [name, { shape, data }] of Object.entries(expected)) {
    expect(given[name]?.shape).toEqual(shape);
    (data as Float32Array).forEach((number, index) => {
      expect((given[name] as Tensor).data[index]).toBeCloseTo(number, 5);
    });
  }
  return rewritten;
}

const weight = (g: GraphBuilder, ...shape: number[]) => g.initializer("w", normal(...shape));
const first = (g: GraphBuilder, x: Value) => g.gather(x, g.scalar(0, "int64"), 1);
/** Shape of what the only MatMul by a weight of the graph takes. */
const productOf = (graph: Graph): readonly unknown[] | undefined =>
  inferShapes(graph).get(graph.nodes.find(({ op }) => op === "MatMul")?.inputs[0] ?? "")?.shape;

describe("narrow", () => {
  test("computes what is row-wise for the row that is taken only", async () => {
    const graph = await expectSame(
      graphOf((g, x) => ({ y: first(g, g.relu(g.add(g.matMul(x, weight(g, D, 4)), g.initializer("b", normal(4))))) })),
    );
    expect(productOf(graph)).toEqual(["N", 1, D]);
  });

  test.each([
    ["the last, from the end", (g: GraphBuilder, y: Value) => g.gather(y, g.scalar(-1, "int64"), 1)],
    ["one of its own axis", (g: GraphBuilder, y: Value) => g.gather(y, g.constant(int64([2])), 1)],
  ])("takes any place: %s", async (_, take) => {
    const graph = await expectSame(graphOf((g, x) => ({ y: take(g, g.tanh(g.matMul(x, weight(g, D, 4)))) })));
    expect(productOf(graph)).toEqual(["N", 1, D]);
  });

  test("goes through heads, softmax, a table of positions and a residual", async () => {
    const graph = await expectSame(
      graphOf((g, x) => {
        const places = g.add(g.matMul(x, weight(g, D, D)), g.initializer("places", normal(S, D)));
        const heads = g.transpose(g.emit("Reshape", [places, g.constant(int64([0, 0, 2, D / 2]))])[0] as Value, [0, 2, 1, 3]);
        const joined = g.emit("Reshape", [g.transpose(g.softmax(heads), [0, 2, 1, 3]), g.constant(int64([0, -1, D]))])[0] as Value;
        return { y: first(g, g.add(joined, x)) };
      }),
    );
    expect(productOf(graph)).toEqual(["N", 1, D]);
  });

  test("stops where other places are needed", async () => {
    const reused = await expectSame(
      graphOf((g, x) => {
        const y = g.matMul(x, weight(g, D, 4));
        return { y: first(g, g.relu(y)), mean: g.reduceMean(y, { axes: [1] }) };
      }),
    );
    expect(productOf(reused)).toEqual(["N", S, D]);
    const mixed = await expectSame(
      graphOf((g, x) => ({ y: first(g, g.transpose(g.softmax(g.transpose(g.matMul(x, weight(g, D, 4)), [0, 2, 1])), [0, 2, 1])) })),
    );
    expect(productOf(mixed)).toEqual(["N", S, D]);
  });

  test("keeps a value whole that is an output, or of which two places are taken", async () => {
    const output = graphOf((g, x) => {
      const y = g.relu(g.matMul(x, weight(g, D, 4)));
      return { all: y, y: first(g, y) };
    });
    expect(narrow(output)).toBe(output);
    const two = graphOf((g, x) => {
      const y = g.matMul(x, weight(g, D, 4));
      return { a: first(g, y), b: g.gather(y, g.scalar(1, "int64"), 1) };
    });
    expect(narrow(two)).toBe(two);
  });
});
