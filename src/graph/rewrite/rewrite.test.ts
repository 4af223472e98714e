import { describe, expect, test } from "vitest";
import { graphBuilder } from "../builder/builder.ts";
import type { Graph, Node, Value } from "../graph.ts";
import { float32 } from "../tensor.ts";
import { foldConstants } from "./fold.ts";
import { bindDimensions, inferShapes, symbolicDimensions } from "./infer.ts";
import { pruneDead } from "./prune.ts";
import { renameValues } from "./rename.ts";

function network(): Graph {
  const g = graphBuilder("network");
  const x = g.input("x", "float32", ["N", 4]);
  const y = g.relu(g.add(g.matMul(x, g.initializer("w", float32(new Float32Array(8), [4, 2]))), g.initializer("b", float32([1, 2]))));
  g.exp(g.mul(y, g.initializer("unused", float32([3]))));
  g.output(y, "y");
  return g.build();
}

/** A node whose subgraph takes "w" and "y" from around it. */
function branching(graph: Graph): Graph {
  const inner: Node = { op: "Mul", domain: "", name: "inner", inputs: ["w", "y"], outputs: ["z"], attributes: {} };
  const value: Graph = {
    ...graph,
    inputs: [],
    initializers: new Map(),
    nodes: [inner],
    outputs: [{ name: "z", type: "float32", shape: [2] }],
  };
  const branch: Node = {
    op: "If",
    domain: "",
    name: "if",
    inputs: ["b"],
    outputs: ["out"],
    attributes: { then_branch: { kind: "graph", value } },
  };
  return { ...graph, nodes: [...graph.nodes, branch], outputs: [{ name: "out", type: "float32", shape: [2] }] };
}

describe("prune", () => {
  test("drops what no output needs, and pruning again drops nothing", () => {
    const pruned = pruneDead(network());
    expect(pruned.nodes.map(({ op }) => op)).toEqual(["MatMul", "Add", "Relu"]);
    expect([...pruned.initializers.keys()]).toEqual(["w", "b"]);
    expect(pruneDead(pruned)).toEqual(pruned);
  });

  test("keeps what subgraphs take", () => {
    const pruned = pruneDead(branching(network()));
    expect(pruned.nodes.map(({ op }) => op)).toEqual(["MatMul", "Add", "Relu", "If"]);
    expect([...pruned.initializers.keys()]).toEqual(["w", "b"]);
  });
});

describe("rename", () => {
  test("there and back is the same graph", () => {
    const graph = branching(network());
    const renamed = renameValues(
      graph,
      new Map([
        ["w", "weight"],
        ["y", "hidden"],
        ["x", "image"],
      ]),
    );
    expect(renamed.inputs[0]?.name).toBe("image");
    expect([...renamed.initializers.keys()]).toContain("weight");
    expect(renamed.nodes.at(-1)?.attributes.then_branch).toMatchObject({ value: { nodes: [{ inputs: ["weight", "hidden"] }] } });
    expect(
      renameValues(
        renamed,
        new Map([
          ["weight", "w"],
          ["hidden", "y"],
          ["image", "x"],
        ]),
      ),
    ).toEqual(graph);
  });

  test("can swap two names, but not give one name twice", () => {
    expect(
      [
        ...renameValues(
          network(),
          new Map([
            ["w", "b"],
            ["b", "w"],
          ]),
        ).initializers.keys(),
      ].slice(0, 2),
    ).toEqual(["b", "w"]);
    expect(() => renameValues(network(), new Map([["w", "b"]]))).toThrow('Two values of the graph "network" would be named "b"');
  });
});

describe("infer", () => {
  test("every value of the graph", () => {
    const values = inferShapes(network());
    expect([...values.keys()].sort()).toEqual(["Add", "Exp", "MatMul", "Mul", "b", "unused", "w", "x", "y"]);
    expect(values.get("Add")).toEqual({ name: "Add", type: "float32", shape: ["N", 2] });
  });

  test("binds sizes of inputs and of what follows from them", () => {
    const g = graphBuilder("g");
    const x = g.input("x", "float32", ["N", "S", 4]);
    g.output(g.reshape(g.concat([x, x], 1), [-1, 4]), "y");
    const graph = g.build();
    expect(symbolicDimensions(graph)).toEqual(["N", "S"]);
    expect(bindDimensions(graph, { N: 2, S: 3 }).outputs[0]?.shape).toEqual([12, 4]);
    expect(symbolicDimensions(bindDimensions(graph, { N: 2 }))).toEqual(["S"]);
    expect(graph.inputs[0]?.shape).toEqual(["N", "S", 4]);
  });

  test("sizes of inputs that follow from others are bound with them", () => {
    const g = graphBuilder("g");
    const x = g.input("x", "float32", ["N", 4]);
    g.output(g.concat([x, g.input("twice", "float32", ["2*N", 4]), g.input("other", "float32", ["batch-size", 4])], 0), "y");
    const graph = g.build();
    expect(graph.outputs[0]?.shape).toEqual(["3*N+batch-size", 4]);
    expect(symbolicDimensions(graph)).toEqual(["N", "batch-size"]);
    const bound = bindDimensions(graph, { N: 3, "batch-size": 2 });
    expect(bound.inputs.map(({ shape }) => shape[0])).toEqual([3, 6, 2]);
    expect(bound.outputs[0]?.shape).toEqual([11, 4]);
    expect(bindDimensions(graph, { N: 3 }).outputs[0]?.shape).toEqual(["batch-size+9", 4]);
  });

  test("a size that an input cannot have is refused", () => {
    const g = graphBuilder("g");
    g.output(g.add(g.input("x", "float32", ["N"]), g.input("less", "float32", ["N-5"])), "y");
    expect(() => bindDimensions(g.build(), { N: 2 })).toThrow('the input "less" of the graph "g" would have the shape [-3]');
  });

  test("an unknown dimension or an impossible size is refused", () => {
    expect(() => bindDimensions(network(), { M: 2 })).toThrow('No input of the graph "network" has a dimension named "M"');
    expect(() => bindDimensions(network(), { N: 0 })).toThrow('"N" cannot have the size 0');
  });

  test("names the first node that can't be inferred", () => {
    expect(() => inferShapes(branching(network()))).toThrow('No shape rule for If "if"');
  });
});

describe("fold", () => {
  test("leaves nodes it doesn't know, and what subgraphs take", () => {
    const graph = pruneDead(branching(network()));
    expect(foldConstants(graph)).toEqual(graph);
  });

  test("computes each part of a split", () => {
    const g = graphBuilder("g");
    const [a, b] = g.split(g.initializer("w", float32([1, 2, 3])), [1, 2], 0) as [Value, Value];
    g.output(a, "a");
    g.output(b, "b");
    const folded = foldConstants(g.build());
    expect(folded.nodes).toEqual([]);
    expect(folded.initializers.get("b")).toEqual(float32([2, 3]));
  });

  test("leaves to the runtime what it rounds or signs in its own way", () => {
    const g = graphBuilder("g");
    g.output(g.where(g.constant({ type: "bool", shape: [1], data: Uint8Array.of(1) }), g.scalar(-0), g.scalar(0)), "choice");
    g.output(g.exp(g.scalar(1)), "e");
    g.output(g.cast(g.constant(float32([1e20])), "int64"), "overflow");
    expect(foldConstants(g.build())).toEqual(g.build());
  });

  test("materialises nothing large", () => {
    const build = (size: number): readonly string[] => {
      const g = graphBuilder("g");
      g.output(g.add(g.input("x", "float32", [size]), g.expand(g.scalar(1), [size])), "y");
      return foldConstants(g.build()).nodes.map(({ op }) => op);
    };
    expect(build(2 ** 14)).toEqual(["Constant", "Add"]);
    expect(build(2 ** 14 + 1)).toEqual(["Expand", "Add"]);
  });
});
