import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type GraphBuilder, graphBuilder } from "../builder/builder.ts";
import type { Graph, Value } from "../graph.ts";
import { runGraph } from "../run.fixture.ts";
import { elementCount, float32, type Tensor } from "../tensor.ts";
import { fuseProducts } from "./fuse-products.ts";

const built = (shapes: readonly (readonly number[])[], body: (g: GraphBuilder, ...inputs: readonly Value[]) => Value): Graph => {
  const g = graphBuilder("network");
  g.output(body(g, ...shapes.map((shape, index) => g.input(`x${index}`, "float32", shape))), "y");
  return g.build();
};

const operators = (graph: Graph) => graph.nodes.map(({ op }) => op);

const wave = (shape: readonly number[], step: number) =>
  float32(
    Float32Array.from({ length: elementCount(shape) }, (_, index) => Math.sin(step * index + 0.3)),
    shape,
  );

/** @throws when the rewritten graph gives other values. */
async function expectSame(graph: Graph): Promise<Graph> {
  const feeds = Object.fromEntries(graph.inputs.map(({ name, shape }, index) => [name, wave(shape.map(Number), 0.7 + index)]));
  const fused = fuseProducts(graph);
  const [expected, actual] = [(await runGraph(graph, feeds)).y, (await runGraph(fused, feeds)).y] as [Tensor, Tensor];
  expect(actual.shape).toEqual(expected.shape);
  Array.from(actual.data as Float32Array).forEach((value, index) => expect(value).toBeCloseTo(Number(expected.data[index]), 4));
  return fused;
}

describe("products", () => {
  test("take what is behind the transposes of their operands", async () => {
    const linear = built([[2, 3, 4], [5, 4], [5]], (g, x, w, b) =>
      g.add(g.matMul(x as Value, g.transpose(w as Value, [1, 0])), b as Value),
    );
    expect(operators(await expectSame(linear))).toEqual(["FusedMatMul", "Add"]);
    const both = built(
      [
        [3, 4],
        [5, 3],
      ],
      (g, a, b) => g.matMul(g.transpose(a as Value, [1, 0]), g.transpose(b as Value, [1, 0])),
    );
    expect(operators(await expectSame(both))).toEqual(["FusedMatMul"]);
  });

  test("come transposed where only their transpose is wanted", async () => {
    const graph = built(
      [
        [3, 4],
        [3, 5],
      ],
      (g, a, b) => g.transpose(g.matMul(a as Value, b as Value, { transposeA: true, alpha: 0.5 }), [1, 0]),
    );
    expect(operators(await expectSame(graph))).toEqual(["FusedMatMul"]);
    const shared = built(
      [
        [3, 3],
        [3, 3],
      ],
      (g, a, b) => {
        const product = g.matMul(a as Value, b as Value);
        return g.add(g.transpose(product, [1, 0]), product);
      },
    );
    expect(operators(await expectSame(shared))).toEqual(["FusedMatMul", "Transpose", "Add"]);
  });

  test("keep their biases in an Add", async () => {
    const gemm = built([[3, 4], [5, 4], [5]], (g, x, w, b) => g.gemm(x as Value, w as Value, b, { transposeB: true }));
    const fused = await expectSame(gemm);
    expect(operators(fused)).toEqual(["FusedMatMul", "Add"]);
    expect(fuseProducts(fused).nodes).toEqual(fused.nodes);
    expect(
      operators(
        fuseProducts(
          built(
            [
              [3, 4],
              [4, 5],
            ],
            (g, x, w) => g.gemm(x as Value, w as Value),
          ),
        ),
      ),
    ).toEqual(["Gemm"]);
  });

  test("any transposes before and behind them", async () => {
    const order = fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(order, order, order, fc.boolean(), fc.boolean(), async (first, second, third, transposeA, transposeB) => {
        const shape = [2, 2, 2, 2];
        const graph = built([shape, shape], (g, a, b) => {
          const product = g.matMul(g.transpose(a as Value, first), g.transpose(b as Value, second), { transposeA, transposeB });
          return g.transpose(product, third);
        });
        await expectSame(graph);
      }),
      { numRuns: 60 },
    );
  });

  test("moves rows where axes before the last two move, too", async () => {
    const scores = built(
      [
        [2, 5, 3, 4],
        [2, 5, 3, 4],
      ],
      (g, q, k) => g.matMul(g.transpose(q as Value, [0, 2, 1, 3]), g.transpose(k as Value, [0, 2, 3, 1])),
    );
    const orders = (await expectSame(scores)).nodes.flatMap(({ attributes: { perm } }) => (perm ? [perm.value] : []));
    expect(orders).toEqual([
      [0, 2, 1, 3],
      [0, 2, 1, 3],
    ]);
    const gradient = built(
      [
        [2, 3, 5, 4],
        [2, 3, 5, 6],
      ],
      (g, a, b) => g.transpose(g.matMul(a as Value, b as Value, { transposeA: true }), [0, 3, 1, 2]),
    );
    expect(operators(await expectSame(gradient))).toEqual(["FusedMatMul", "Transpose"]);
    expect(fuseProducts(gradient).nodes[1]?.attributes.perm).toEqual({ kind: "ints", value: [0, 2, 1, 3] });
  });
});
