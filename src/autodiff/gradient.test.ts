import { describe, expect, it } from "vitest";
import { explain, LimbeckError } from "../errors.ts";
import { type GraphBuilder, graphBuilder } from "../graph/builder/builder.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import { float32, int64 } from "../graph/tensor.ts";
import { nodeRuntime } from "../runtime/node.ts";
import type { Feeds } from "../runtime/runtime.ts";
import { gradient } from "./gradient.ts";

async function run(graph: Graph, feeds: Feeds): Promise<Record<string, number[]>> {
  const session = await nodeRuntime({ threads: 1 }).createSession(writeOnnx(graph));
  const outputs = await session.run(feeds);
  return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, Array.from(data as Float32Array, Number)]));
}

function failure(attempt: () => unknown): string {
  try {
    attempt();
  } catch (error) {
    if (error instanceof LimbeckError) return explain(error);
    throw error;
  }
  return "no error";
}

/** Keeps all of three elements, by an operator that has no gradient rule. */
const condition = (g: GraphBuilder): Value => g.constant({ type: "bool", shape: [3], data: Uint8Array.of(1, 1, 1) });

describe("gradient", () => {
  it("keeps the graph's outputs and adds one for each name, in their order", async () => {
    const g = graphBuilder("square");
    const [x, w] = [g.input("x", "float32", [2]), g.initializer("w", float32([3, 4]))];
    const product = g.mul(x, w);
    g.output(product, "product");
    g.output(g.reduceSum(g.mul(product, product)), "loss");
    const differentiated = gradient(g.build(), "loss", ["w", "x", "product"]);
    expect(differentiated.outputs.map(({ name }) => name)).toEqual(["product", "loss", "gradient:w", "gradient:x", "gradient:product"]);
    expect(await run(differentiated, { x: float32([1, 2]) })).toEqual({
      product: [3, 8],
      loss: [73],
      "gradient:w": [6, 32],
      "gradient:x": [18, 64],
      "gradient:product": [6, 16],
    });
  });

  it("adds up what a value used several times gets from each use", async () => {
    const g = graphBuilder("shared");
    const x = g.input("x", "float32", [2]);
    g.output(g.reduceSum(g.add(g.add(g.mul(x, x), g.mul(x, 3)), x)), "loss");
    expect((await run(gradient(g.build(), "loss", ["x"]), { x: float32([1, 2]) }))["gradient:x"]).toEqual([6, 8]);
  });

  it("is zero for a value that the loss does not depend on", async () => {
    const g = graphBuilder("apart");
    const [x, other] = [g.input("x", "float32", [2]), g.input("other", "float32", [2, 3])];
    g.output(g.exp(other), "aside");
    g.output(g.reduceSum(x), "loss");
    const found = await run(gradient(g.build(), "loss", ["other"]), { x: float32([1, 2]), other: float32([1, 2, 3, 4, 5, 6], [2, 3]) });
    expect(found["gradient:other"]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it("emits nothing for paths to values whose gradient nobody asked for", () => {
    const g = graphBuilder("two paths");
    const [x, w] = [g.input("x", "float32", [2, 3]), g.input("w", "float32", [3, 4])];
    g.output(g.reduceSum(g.matMul(g.tanh(x), w)), "loss");
    const operators = gradient(g.build(), "loss", ["w"])
      .nodes.filter(({ name }) => name.startsWith("gradient/"))
      .map(({ op }) => op);
    // dw = tanh(x)ᵀ·dy, with dy spread over the product's shape; nothing of dx and of tanh's slope.
    expect(operators).toEqual(["Reshape", "Expand", "FusedMatMul"]);
  });

  it.each<[string, (g: GraphBuilder, x: Value) => Value]>([
    ["an index found in a value", (g, x) => g.argMax(x, { axis: 0 })],
    ["a value rounded to an integer", (g, x) => g.cast(x, "int64")],
    ["a comparison", (g, x) => g.greater(x, 2)],
    ["a shape", (g, x) => g.reduceSum(g.emit("Shape", [x])[0] as Value)],
    ["places of the largest", (g, x) => g.emit("TopK", [x, g.constant(int64([1]))], { outputs: 2 })[1] as Value],
    ["a test for NaN", (g, x) => g.emit("IsNaN", [x])[0] as Value],
  ])("does not go through integers and booleans: %s carries none", async (_, whole) => {
    const g = graphBuilder("integers");
    const x = g.input("x", "float32", [3]);
    const weight = g.expand(g.cast(whole(g, x), "float32"), [3]);
    g.output(weight, "weight");
    g.output(g.reduceSum(g.mul(x, weight)), "loss");
    const found = await run(gradient(g.build(), "loss", ["x"]), { x: float32([1.25, 5, 2.5]) });
    expect(found["gradient:x"]).toEqual(found.weight);
  });

  it("is zero where the only way to the loss is through integers", async () => {
    const g = graphBuilder("rounded");
    g.output(g.reduceSum(g.cast(g.cast(g.input("x", "float32", [2]), "int32"), "float32")), "loss");
    expect((await run(gradient(g.build(), "loss", ["x"]), { x: float32([1.5, 2.5]) }))["gradient:x"]).toEqual([0, 0]);
  });

  it.each(["float16", "float64"] as const)("goes through %s and back", async (type) => {
    const g = graphBuilder("cast");
    const x = g.input("x", "float32", [2]);
    g.output(g.reduceSum(g.mul(g.cast(g.cast(x, type), "float32"), x)), "loss");
    expect((await run(gradient(g.build(), "loss", ["x"]), { x: float32([1.5, 2.5]) }))["gradient:x"]).toEqual([3, 5]);
  });

  it("lays parts of a value that don't overlap side by side", async () => {
    const g = graphBuilder("steps");
    const x = g.input("x", "float32", [2, 6]);
    const columns = (start: number, end: number) => g.slice(x, [{ axis: 1, start, end }]);
    const one = g.gather(x, g.constant(int64([5], [])), 1);
    g.output(
      g.sum(...[columns(0, 2), columns(2, 3), columns(1, 4), one].map((part, index) => g.reduceSum(g.mul(part, index + 1)))),
      "loss",
    );
    const differentiated = gradient(g.build(), "loss", ["x"]);
    const operators = differentiated.nodes.filter(({ name }) => name.startsWith("gradient/")).map(({ op }) => op);
    expect(operators.filter((op) => op === "Concat" || op === "Pad")).toEqual(["Concat", "Pad"]);
    const found = await run(differentiated, {
      x: float32(
        Array.from({ length: 12 }, (_, index) => index),
        [2, 6],
      ),
    });
    expect(found["gradient:x"]).toEqual([1, 4, 5, 3, 0, 4, 1, 4, 5, 3, 0, 4]);
  });

  it("names the node, the operator and its version when a rule is missing on the way to the loss", () => {
    const g = graphBuilder("missing");
    const x = g.input("x", "float32", [3]);
    const [y] = g.emit("Compress", [x, condition(g)], { name: "kept/some" });
    g.output(g.reduceSum(y as Value), "loss");
    expect(failure(() => gradient(g.build(), "loss", ["x"]))).toMatch(/^No gradient rule for Compress "kept\/some" \(opset 21\).*Freeze/);
  });

  it("does not mind a missing rule elsewhere", async () => {
    const g = graphBuilder("elsewhere");
    const x = g.input("x", "float32", [3]);
    const [before] = g.emit("Compress", [g.input("data", "float32", [3]), condition(g)]);
    const [after] = g.emit("Compress", [g.mul(x, 2), condition(g)]);
    g.output(after as Value, "aside");
    g.output(g.reduceSum(g.mul(x, before as Value)), "loss");
    const found = await run(gradient(g.build(), "loss", ["x"]), { x: float32([1, 1, 1]), data: float32([1, 2, 3]) });
    expect(found["gradient:x"]).toEqual([1, 2, 3]);
  });

  it("refuses a loss that is not a scalar, a name that is not there, and a size known only at run time", () => {
    const g = graphBuilder("wrong");
    const x = g.input("x", "float32", ["N", 3]);
    g.output(g.exp(x), "y");
    g.output(g.reduceSum(x), "loss");
    const graph = g.build();
    expect(failure(() => gradient(graph, "y", ["x"]))).toMatch(/scalar; "y" has shape \[N, 3\]/);
    expect(failure(() => gradient(graph, "loss", ["weight"]))).toMatch(/no value named "weight"/);
    expect(failure(() => gradient(graph, "loss", ["x"]))).toMatch(/every size of "x" \[N, 3\], but "N".*Fix the batch size/);
  });
});
