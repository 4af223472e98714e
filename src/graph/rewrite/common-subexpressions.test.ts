import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { int } from "../attributes.ts";
import { type GraphBuilder, graphBuilder } from "../builder/builder.ts";
import type { Graph, Value } from "../graph.ts";
import { bitsOf, runGraph } from "../run.fixture.ts";
import { float32, int64 } from "../tensor.ts";
import { mergeCommonSubexpressions } from "./common-subexpressions.ts";

const built = (body: (g: GraphBuilder, x: Value) => Readonly<Record<string, Value>>): Graph => {
  const g = graphBuilder("network");
  for (const [name, value] of Object.entries(body(g, g.input("x", "float32", [2, 3])))) g.output(value, name);
  return g.build();
};
const operators = (graph: Graph) => graph.nodes.map(({ op }) => op);

describe("common subexpressions", () => {
  test("what is computed twice is computed once, and what follows from it too", () => {
    const graph = built((g, x) => ({ y: g.add(g.exp(g.mul(x, x)), g.tanh(g.exp(g.mul(x, x)))) }));
    expect(operators(graph)).toEqual(["Mul", "Exp", "Mul", "Exp", "Tanh", "Add"]);
    const merged = mergeCommonSubexpressions(graph);
    expect(operators(merged)).toEqual(["Mul", "Exp", "Tanh", "Add"]);
    expect(mergeCommonSubexpressions(merged)).toBe(merged);
  });

  test("attributes, types of constants and the order of inputs tell nodes apart", () => {
    const graph = built((g, x) => {
      const [constant] = g.emit("Constant", [], { attributes: { value: { kind: "tensor", value: float32([0], []) } } }) as [Value];
      const [negative] = g.emit("Constant", [], { attributes: { value: { kind: "tensor", value: float32([-0], []) } } }) as [Value];
      return { y: g.sum(g.softmax(x, 0), g.softmax(x, 1), g.sub(x, constant), g.sub(constant, x), g.div(x, negative)) };
    });
    expect(mergeCommonSubexpressions(graph)).toBe(graph);
  });

  test("a node with further outputs lends them to the first", async () => {
    const graph = built((g, x) => {
      const ones = g.constant(float32([1, 1, 1]));
      const [standard, , r] = g.emit("LayerNormalization", [x, ones], { attributes: { axis: int(-1) }, outputs: 3 });
      const plain = g.emit("LayerNormalization", [x, ones], { attributes: { axis: int(-1) } })[0] as Value;
      return { y: g.add(g.mul(plain, standard as Value), r as Value) };
    });
    const reordered = { ...graph, nodes: [graph.nodes[1], graph.nodes[0], ...graph.nodes.slice(2)] as Graph["nodes"] };
    for (const each of [graph, reordered]) {
      const merged = mergeCommonSubexpressions(each);
      expect(operators(merged)).toEqual(["LayerNormalization", "Mul", "Add"]);
      const feeds = { x: float32([1, 2, 4, -1, 0, 3], [2, 3]) };
      const [expected, actual] = [await runGraph(each, feeds), await runGraph(merged, feeds)];
      expect(bitsOf(actual.y as never)).toEqual(bitsOf(expected.y as never));
    }
  });

  test("outputs keep their names", () => {
    const graph = built((g, x) => ({ first: g.exp(x), second: g.exp(x), third: g.tanh(g.exp(x)) }));
    const merged = mergeCommonSubexpressions(graph);
    expect(operators(merged)).toEqual(["Exp", "Exp", "Tanh"]);
    expect(merged.nodes[2]?.inputs).toEqual(["first"]);
    expect(merged.outputs).toEqual(graph.outputs);
  });

  test("random numbers and batch normalisations in training stay apart", () => {
    const graph = built((g, x) => {
      const ones = g.constant(float32([1, 1, 1]));
      const noise = () => g.emit("RandomNormalLike", [x])[0] as Value;
      const normalized = () => g.trainingBatchNormalization(x, ones, ones).y;
      return { y: g.sum(noise(), noise(), normalized(), normalized()) };
    });
    const merged = operators(mergeCommonSubexpressions(graph));
    expect(merged.filter((op) => op === "RandomNormalLike" || op === "BatchNormalization")).toHaveLength(4);
  });

  test("graphs within nodes follow", () => {
    const graph = built((g, x) => ({ y: g.add(g.exp(x), g.tanh(g.exp(x))) }));
    const [first, , second] = graph.nodes.map(({ outputs }) => outputs[0] as string);
    const inner: Graph = {
      ...graph,
      inputs: [],
      nodes: [{ op: "Neg", domain: "", name: "inner", inputs: [graph.nodes[1]?.outputs[0] as string], outputs: ["z"], attributes: {} }],
      outputs: [{ name: "z", type: "float32", shape: [2, 3] }],
    };
    expect([first, second]).not.toContain(undefined);
    const branch = { kind: "graph", value: inner } as const;
    const whole: Graph = {
      ...graph,
      nodes: [...graph.nodes, { op: "If", domain: "", name: "if", inputs: ["x"], outputs: ["out"], attributes: { then_branch: branch } }],
      outputs: [...graph.outputs, { name: "out", type: "float32", shape: [2, 3] }],
    };
    const last = mergeCommonSubexpressions(whole).nodes.at(-1)?.attributes.then_branch;
    expect(last?.kind === "graph" && last.value.nodes[0]?.inputs).toEqual([first]);
  });

  test("any graph keeps its bits", async () => {
    const operations: readonly ((g: GraphBuilder, a: Value, b: Value) => Value)[] = [
      (g, a, b) => g.add(a, b),
      (g, a, b) => g.mul(a, b),
      (g, a) => g.tanh(a),
      (g, a) => g.softmax(a, 0),
      (g, a) => g.reshape(g.gather(a, g.constant(int64([1, 0])), 0), [2, 3]),
    ];
    const steps = fc.array(fc.tuple(fc.nat(operations.length - 1), fc.nat(50), fc.nat(50)), { minLength: 1, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(steps, async (choices) => {
        const graph = built((g, x) => {
          const values = [x];
          for (const [operation, a, b] of choices) {
            const pick = (index: number) => values[index % values.length] as Value;
            values.push((operations[operation] as (typeof operations)[0])(g, pick(a), pick(b)));
          }
          return { y: g.sum(...values) };
        });
        const feeds = { x: float32([0.1, -0.2, 0.3, 0.4, 0.5, -0.6], [2, 3]) };
        const [expected, actual] = [await runGraph(graph, feeds), await runGraph(mergeCommonSubexpressions(graph), feeds)];
        expect(bitsOf(actual.y as never)).toEqual(bitsOf(expected.y as never));
      }),
      { numRuns: 20 },
    );
  });
});
