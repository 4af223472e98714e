import { describe, expect, test } from "vitest";
import { randomFor } from "../../../random.ts";
import { type GraphBuilder, graphBuilder } from "../../builder/builder.ts";
import type { Graph, Value } from "../../graph.ts";
import { runGraph } from "../../run.fixture.ts";
import { elementCount, float32, type Tensor } from "../../tensor.ts";
import { batchNormAsConv } from "./batch-norm.ts";

const random = randomFor(5);
const normal = (...shape: number[]): Tensor => float32(Float32Array.from({ length: elementCount(shape) }, random.normal), shape);
const positive = (...shape: number[]): Tensor =>
  float32(
    Float32Array.from({ length: elementCount(shape) }, () => 0.5 + random.uniform()),
    shape,
  );

function norm(g: GraphBuilder, x: Value, channels: number): Value {
  const [scale, bias, mean] = ["scale", "bias", "mean"].map((name) => g.initializer(name, normal(channels))) as [Value, Value, Value];
  return g.emit("BatchNormalization", [x, scale, bias, mean, g.initializer("variance", positive(channels))])[0] as Value;
}

async function operatorsOfSame(build: (g: GraphBuilder, x: Value) => Readonly<Record<string, Value>>): Promise<readonly string[]> {
  const g = graphBuilder("norms");
  for (const [name, value] of Object.entries(build(g, g.input("x", "float32", ["N", 3, 5, 5])))) g.output(value, name);
  const graph: Graph = g.build();
  const rewritten = batchNormAsConv(graph);
  const feeds = { x: normal(2, 3, 5, 5) };
  const [expected, given] = [await runGraph(graph, feeds), await runGraph(rewritten, feeds)];
  for (const [name, { data }] of Object.entries(expected))
    Array.from(data as Float32Array).forEach((number, index) => {
      expect((given[name] as Tensor).data[index]).toBeCloseTo(number, 4);
    });
  return rewritten.nodes.map(({ op }) => op);
}

describe("batchNormAsConv", () => {
  test.each([
    ["with a bias", true],
    ["without", false],
  ])("folds into the convolution before it, %s", async (_, biased) => {
    const operators = await operatorsOfSame((g, x) => {
      const y = g.conv(x, g.initializer("w", normal(4, 3, 3, 3)), biased ? g.initializer("b", normal(4)) : undefined, { padding: 1 });
      return { y: g.relu(norm(g, y, 4)) };
    });
    expect(operators).toEqual(["Conv", "Relu"]);
  });

  test("becomes a depthwise convolution after a sum", async () => {
    expect(await operatorsOfSame((g, x) => ({ y: norm(g, g.add(x, g.relu(x)), 3) }))).toEqual(["Relu", "Add", "Conv"]);
  });

  test("leaves a convolution alone whose result is used elsewhere", async () => {
    const operators = await operatorsOfSame((g, x) => {
      const y = g.conv(x, g.initializer("w", normal(4, 3, 1, 1)));
      return { y: g.add(norm(g, y, 4), y) };
    });
    expect(operators).toEqual(["Conv", "Conv", "Add"]);
  });

  test("of convolutions that share a weight folds each into its own copy", async () => {
    const operators = await operatorsOfSame((g, x) => {
      const w = g.initializer("w", normal(3, 3, 1, 1));
      return { y: norm(g, g.conv(norm(g, g.conv(x, w), 3), w), 3) };
    });
    expect(operators).toEqual(["Conv", "Conv"]);
  });

  test("stays where its input has two axes", async () => {
    expect(await operatorsOfSame((g, x) => ({ y: norm(g, g.reduceMean(x, { axes: [2, 3] }), 3) }))).toEqual([
      "ReduceMean",
      "BatchNormalization",
    ]);
  });
});
