import { describe, expect, it } from "vitest";
import { type GraphBuilder, graphBuilder } from "../graph/builder/builder.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { inferShapes } from "../graph/rewrite/infer.ts";
import { zeros } from "../graph/tensor.ts";
import { headFor } from "./head.ts";
import { smallCnn } from "./zoo/small-cnn.ts";

/** A classifier of 5 inputs that ends as `body` says. */
function classifier(body: (g: GraphBuilder, x: Value, store: (name: string, shape: readonly number[]) => Value) => Value): Graph {
  const g = graphBuilder("classifier");
  g.output(
    body(g, g.input("x", "float32", ["N", 5]), (name, shape) => g.store(name, zeros("float32", shape))),
    "logits",
  );
  return g.build();
}

const shapes = (graph: Graph): Record<string, string> =>
  Object.fromEntries(
    Array.from(graph.initializers, ([name, { shape }]) => [name, shape.join("x")]).filter(([name]) => !name?.startsWith("constant")),
  );

describe("a new head", () => {
  it.each<[string, Graph, Record<string, string>]>([
    [
      "Gemm, transposed weight",
      classifier((g, x, w) => g.gemm(x, w("w", [3, 5]), w("b", [3]), { transposeB: true })),
      { w: "7x5", b: "7" },
    ],
    ["Gemm", classifier((g, x, w) => g.gemm(x, w("w", [5, 3]), w("b", [3]))), { w: "5x7", b: "7" }],
    ["MatMul and Add", classifier((g, x, w) => g.add(w("b", [3]), g.matMul(x, w("w", [5, 3])))), { w: "5x7", b: "7" }],
    ["a transposed MatMul", classifier((g, x, w) => g.matMul(x, g.transpose(w("w", [3, 5]), [1, 0]))), { w: "7x5" }],
    [
      "a 1×1 convolution, pooled",
      classifier((g, x, w) =>
        g.flatten(g.globalAveragePool(g.relu(g.conv(g.reshape(x, [-1, 5, 1, 1]), w("w", [3, 5, 1, 1]), w("b", [3]))))),
      ),
      { w: "7x5x1x1", b: "7" },
    ],
    [
      "layers as wide as there are classes",
      classifier((g, x, w) => g.matMul(g.matMul(x, w("w1", [5, 3])), w("w2", [3, 3]))),
      { w1: "5x3", w2: "3x7" },
    ],
  ])("replaces %s", (_, model, expected) => {
    const changed = headFor(model, 7, 0);
    expect(shapes(changed)).toEqual(expected);
    expect(changed.outputs[0]?.shape).toEqual(["N", 7]);
    expect(inferShapes(changed).get("logits")?.shape).toEqual(["N", 7]);
  });

  it("draws the new weights by its seed and keeps all others", () => {
    const model = smallCnn({ inputShape: [1, 8, 8], classes: 3, channels: [4], depth: 1, seed: 0 });
    const [first, again, other] = [headFor(model, 5, 1), headFor(model, 5, 1), headFor(model, 5, 2)];
    expect(again).toEqual(first);
    const changed = [...first.initializers].filter(([name, tensor]) => model.initializers.get(name) !== tensor).map(([name]) => name);
    expect(changed).toEqual(["classifier/weight", "classifier/bias"]);
    expect(first.initializers.get("classifier/weight")).not.toEqual(other.initializers.get("classifier/weight"));
  });

  it.each<[string, Graph, RegExp]>([
    [
      "a tied weight",
      classifier((g, x, w) => {
        const tied = w("w", [3, 5]);
        return g.matMul(g.gemm(x, tied, undefined, { transposeB: true }), tied);
      }),
      /"w" of its last layer is used elsewhere too/,
    ],
    ["a sum of two heads", classifier((g, x, w) => g.mul(g.matMul(x, w("a", [5, 3])), g.matMul(x, w("b", [5, 3])))), /it ends in Mul/],
    ["no weights", classifier((g, x) => g.relu(x)), /it ends in an input/],
  ])("refuses %s", (_, model, message) => {
    expect(() => headFor(model, 7, 0)).toThrow(message);
  });
});
