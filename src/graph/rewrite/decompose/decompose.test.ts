import { expect, test } from "vitest";
import { int } from "../../attributes.ts";
import { graphBuilder } from "../../builder/builder.ts";
import { type Graph, MICROSOFT, type Node, OPSET } from "../../graph.ts";
import { runGraph } from "../../run.fixture.ts";
import { float32, type Tensor } from "../../tensor.ts";
import { canonicalize } from "../canonicalize.ts";
import { expectClose, modelOf, open, random } from "./decompose.fixture.ts";
import { decompose } from "./decompose.ts";

const node = (op: string, name: string, inputs: readonly string[], outputs: readonly string[], domain = MICROSOFT): Node => ({
  op,
  domain,
  name,
  inputs,
  outputs,
  attributes: {},
});

/** Two layers of BERT's kind, one after the other, the sum of the first as a second output. */
function network(): { graph: Graph; feeds: Record<string, Tensor> } {
  const graph: Graph = {
    name: "network",
    opsets: { "": OPSET, [MICROSOFT]: 1 },
    inputs: [{ name: "x", type: "float32", shape: ["N", "S", 4] }],
    outputs: ["y", "sum"].map((name) => ({ name, type: "float32", shape: ["N", "S", 4] })),
    nodes: [
      node("SkipLayerNormalization", "first", ["x", "x", "scale", "beta", "bias"], ["a", "", "", "sum"]),
      node("BiasGelu", "gelu", ["a", "bias"], ["Add"]),
      node("SkipLayerNormalization", "second", ["Add", "a", "scale"], ["y"]),
    ],
    initializers: new Map(["scale", "beta", "bias"].map((name) => [name, random([4])])),
    metadata: { author: "nobody" },
  };
  return { graph, feeds: { x: random([2, 3, 4]) } };
}

test("a chain of fused operators gives what it gave, under the same names", async () => {
  const { graph, feeds } = network();
  const plain = decompose(graph);
  expect(plain.nodes.map(({ domain }) => domain)).not.toContain(MICROSOFT);
  expect(plain).toMatchObject({ name: "network", inputs: graph.inputs, outputs: graph.outputs, metadata: graph.metadata });
  expect([...plain.initializers]).toEqual([...graph.initializers]);
  // "a" and "Add" lie inside; "Add" is also what a builder likes to call its values.
  const given = plain.nodes.flatMap(({ outputs }) => outputs);
  expect(given).toEqual(expect.arrayContaining(["a", "Add", "sum", "y"]));
  expect(new Set(given).size).toBe(given.length);
  const [expected, found] = [await runGraph(graph, feeds), await runGraph(plain, feeds)];
  for (const name of ["y", "sum"]) expectClose(found[name] as Tensor, expected[name] as Tensor);
});

test("what is decomposed has nothing left to decompose", () => {
  const plain = decompose(network().graph);
  expect(decompose(plain)).toBe(plain);
});

test("other nodes stay as they are, known or not", () => {
  const { graph } = network();
  const strange = node("Frobnicate", "strange", ["y"], ["z"], "com.example");
  const outputs = [...graph.outputs, { name: "z", type: "float32" as const, shape: ["K"] }];
  expect(decompose({ ...graph, nodes: [...graph.nodes, strange], outputs }).nodes.at(-1)).toBe(strange);
});

test("behind a node whose shape nobody knows, the error says which", () => {
  const { graph } = network();
  const strange = node("Frobnicate", "strange", ["x"], ["z"], "com.example");
  const fused = node("Gelu", "fused", ["z"], ["y"]);
  expect(() => decompose({ ...graph, nodes: [strange, fused], outputs: graph.outputs.slice(0, 1) })).toThrow(
    expect.objectContaining({
      name: "LimbeckError",
      message: 'The shape of "z", which com.microsoft.Gelu "fused" takes, is not known.',
      hint: 'No shape rule for com.example.Frobnicate "strange" (opset 1).',
    }),
  );
});

test("names that are taken are left to their owners", async () => {
  const g = graphBuilder("taken");
  const x = g.input("x", "float32", ["N", 4]);
  g.output(g.sigmoid(g.relu(x)), "gelu/Add");
  const graph = g.build();
  const fused = node("BiasGelu", "gelu", ["gelu/Add", "bias"], ["y"]);
  const whole: Graph = {
    ...graph,
    opsets: { ...graph.opsets, [MICROSOFT]: 1 },
    nodes: [...graph.nodes, fused],
    initializers: new Map([["bias", float32([1, 2, 3, 4])]]),
    outputs: [...graph.outputs, { name: "y", type: "float32", shape: ["N", 4] }],
  };
  const feeds = { x: random([3, 4]) };
  const [expected, found] = [await runGraph(whole, feeds), await runGraph(decompose(whole), feeds)];
  expectClose(found.y as Tensor, expected.y as Tensor);
  expectClose(found["gelu/Add"] as Tensor, expected["gelu/Add"] as Tensor);
});

test("an output that can't be given, and a missing input, are refused by name", () => {
  const [x, scale] = [open(random([2, 3, 4]), ["N", 3, 4]), random([4])];
  const model = { op: "SkipLayerNormalization", domain: MICROSOFT, inputs: { x, skip: x, scale }, outputs: { y: 3, mean: 3 } };
  expect(() => decompose(modelOf(model).graph)).toThrow(
    'Output 1 ("mean") of com.microsoft.SkipLayerNormalization "node" is not supported.',
  );
  expect(() => decompose(modelOf({ ...model, inputs: { x }, outputs: { y: 3 } }).graph)).toThrow(
    expect.objectContaining({ message: "Its input 1 is missing.", where: 'com.microsoft.SkipLayerNormalization "node"' }),
  );
  expect(() => decompose(modelOf({ ...model, op: "QAttention", outputs: { y: 3 } }).graph)).toThrow(/quantised model/);
  const heads = { op: "MultiHeadAttention", domain: MICROSOFT, attributes: { num_heads: int(3) }, inputs: { q: x, k: x, v: x } };
  expect(() => decompose(modelOf({ ...heads, outputs: { y: 3 } }).graph)).toThrow("4 does not divide into 3 equal parts.");
});

test("fused operators in float16 become primitives in float32", () => {
  const half = (shape: readonly number[]): Tensor => ({ type: "float16", shape, data: new Uint16Array(shape.reduce((a, b) => a * b, 1)) });
  const { graph } = modelOf({
    op: "QuickGelu",
    domain: MICROSOFT,
    type: "float16",
    inputs: { x: open(half([2, 4]), ["N", 4]) },
    outputs: { y: 2 },
  });
  const { nodes, outputs } = canonicalize(graph);
  expect(nodes.map(({ op }) => op)).toEqual(["Mul", "Sigmoid", "Mul"]);
  expect(outputs[0]?.type).toBe("float32");
});
