import { describe, expect, test } from "vitest";
import type { Graph } from "../graph.ts";
import { float32, int64, type Tensor } from "../tensor.ts";
import { graphBuilder } from "./builder.ts";

const summary = ({ nodes, outputs }: Graph) => ({
  nodes: nodes.map(({ op, inputs, outputs: given }) => `${given} = ${op}(${inputs})`),
  outputs: outputs.map(({ name }) => name),
});

function started() {
  const g = graphBuilder("g");
  return { g, x: g.input("x", "float32", ["N", 2]) };
}

describe("outputs", () => {
  test("a node's value takes the name of its output", () => {
    const { g, x } = started();
    g.output(g.relu(g.neg(x)), "y");
    expect(summary(g.build())).toEqual({ nodes: ["Neg = Neg(x)", "y = Relu(Neg)"], outputs: ["y"] });
  });

  test("one value under two names, in either order, with and without its own", () => {
    const { g, x } = started();
    const y = g.relu(x);
    g.output(y, "a");
    g.output(y, "b");
    expect(summary(g.build())).toEqual({ nodes: ["a = Relu(x)", "b = Identity(a)"], outputs: ["a", "b"] });
    g.output(y);
    const expected = { nodes: ["Relu = Relu(x)", "a = Identity(Relu)", "b = Identity(Relu)"], outputs: ["a", "b", "Relu"] };
    expect(summary(g.build())).toEqual(expected);
  });

  test("inputs and weights pass as they are under their own names, and through an Identity under others", () => {
    const { g, x } = started();
    g.output(x);
    g.output(x, "copy");
    g.output(g.initializer("w", float32([1])));
    expect(summary(g.build())).toEqual({ nodes: ["copy = Identity(x)"], outputs: ["x", "copy", "w"] });
  });

  test("a name that another value has is refused, before and after", () => {
    const { g, x } = started();
    const y = g.relu(x);
    expect(() => g.output(y, "x")).toThrow('already has a value named "x"');
    g.output(y, "y");
    expect(() => g.output(x, "y")).toThrow('already has an output named "y"');
    expect(() => g.input("y", "float32", [])).toThrow('already has a value named "y"');
    expect(g.unique("y")).toBe("y_1");
  });

  test("a value of another graph is refused", () => {
    const [a, b] = [started(), started()];
    expect(() => a.g.output(b.x)).toThrow('The output "x" is not of the graph "g"');
    expect(() => a.g.relu(b.x)).toThrow('Relu "Relu" takes "x", which is not of this graph');
  });
});

describe("names", () => {
  test("are numbered when taken, prefixed by the scope, and given back by its end", () => {
    const { g, x } = started();
    const names = [
      g.relu(x),
      g.relu(x),
      g.scope("block", () => g.relu(x)),
      g.scope("block", () => g.scope("inner", () => g.relu(x))),
      g.relu(x),
    ];
    expect(names.map(({ name }) => name)).toEqual(["Relu", "Relu_1", "block/Relu", "block/inner/Relu", "Relu_2"]);
    expect(() => g.scope("failed", () => g.add(x, g.constant(float32([1, 2, 3]))))).toThrow("the shapes do not broadcast");
    expect(g.relu(x).name).toBe("Relu_3");
  });

  test("never collide with names that came first", () => {
    const g = graphBuilder("g");
    const x = g.input("Relu", "float32", [1]);
    g.initializer("Relu_1", float32([1]));
    expect([g.relu(x), g.relu(x)].map(({ name }) => name)).toEqual(["Relu_2", "Relu_3"]);
    expect(g.emit("Neg", [x], { name: "Relu" })[0]?.name).toBe("Neg");
  });

  test("a second weight under exactly the same name is refused and changes nothing", () => {
    const g = graphBuilder("g");
    g.store("w", float32([1]));
    expect(() => g.store("w", float32([2]))).toThrow('already has a value named "w"');
    expect(g.initializers.get("w")).toEqual(float32([1]));
  });

  test("a node that doesn't fit leaves no trace", () => {
    const { g, x } = started();
    g.output(g.relu(x), "y");
    const before = g.build();
    expect(() => g.emit("Relu", [x], { outputs: 2 })).toThrow("has no output number 1");
    expect(() => g.emit("Relu", [x], { outputNames: ["x"] })).toThrow('already has a value named "x"');
    expect(() => g.emit("Unheard", [x])).toThrow('No shape rule for Unheard "Unheard" (opset 21)');
    expect(() => g.emit("constructor", [x])).toThrow("No shape rule");
    expect(g.build()).toEqual(before);
  });
});

describe("constants", () => {
  test("equal ones are stored once, unequal ones apart", () => {
    const g = graphBuilder("g");
    const strings = (...data: string[]): Tensor => ({ type: "string", shape: [data.length], data });
    expect(g.scalar(1)).toBe(g.scalar(1));
    expect(g.constant(int64([1]))).not.toBe(g.scalar(1, "int64"));
    expect(g.scalar(-0)).not.toBe(g.scalar(0));
    expect(g.constant(strings("a,b", "c"))).not.toBe(g.constant(strings("a", "b,c")));
    expect(Object.is(g.constantOf(g.scalar(-0))?.data[0], -0)).toBe(true);
  });

  test("a Constant node's value is known however it is written", () => {
    const g = graphBuilder("g");
    const [value] = g.emit("Constant", [], { attributes: { value_ints: { kind: "ints", value: [2, -1] } } });
    expect(value && g.constantOf(value)).toEqual(int64([2, -1]));
    expect(value && g.emit("Reshape", [g.input("x", "float32", [4, 3]), value])[0]?.shape).toEqual([2, 6]);
  });
});
