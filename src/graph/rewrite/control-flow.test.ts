import { describe, expect, test } from "vitest";
import { int, ints } from "../attributes.ts";
import type { Attributes, Graph, Node, Shape, Value } from "../graph.ts";
import { readOnnx } from "../onnx/read.ts";
import { writeOnnx } from "../onnx/write.ts";
import { bitsOf, runGraph } from "../run.fixture.ts";
import { float32, int64, type Tensor } from "../tensor.ts";
import { foldControlFlow } from "./control-flow.ts";
import { foldConstants } from "./fold.ts";

const value = (name: string, shape: Shape = [2, 3], type: Value["type"] = "float32"): Value => ({ name, type, shape });
const open = (name: string, type: Value["type"] = "float32"): Value => ({ name, type, shape: [], unstated: "shape" });
const graph = (parts: Partial<Graph>): Graph => ({
  name: "g",
  opsets: { "": 21 },
  inputs: [],
  outputs: [],
  nodes: [],
  initializers: new Map(),
  metadata: {},
  ...parts,
});
let count = 0;
const node = (op: string, inputs: readonly string[], outputs: readonly string[], attributes: Attributes = {}): Node => ({
  op,
  domain: "",
  name: `${op}_${count++}`,
  inputs,
  outputs,
  attributes,
});
const body = (parts: Partial<Graph>) => ({ kind: "graph" as const, value: graph(parts) });
const yes: Tensor = { type: "bool", shape: [], data: Uint8Array.of(1) };
const no: Tensor = { type: "bool", shape: [1], data: Uint8Array.of(0) };
const scalar = (number: number) => int64([number], []);

/** A model from x [2, 3] to y, with these nodes. */
function model(nodes: readonly Node[], constants: Record<string, Tensor> = {}, opset = 21): Graph {
  return graph({
    opsets: { "": opset },
    inputs: [value("x")],
    outputs: [open("y")],
    nodes,
    initializers: new Map(Object.entries(constants)),
  });
}

/** The folded graph, which gives the same bits. */
async function folded(before: Graph): Promise<Graph> {
  const after = readOnnx(writeOnnx(foldControlFlow(before)));
  const feeds = { x: float32([1, -2, 3, -4, 5, -6], [2, 3]) };
  const [expected, actual] = [await runGraph(before, feeds), await runGraph(after, feeds)];
  expect(bitsOf(actual.y as Tensor)).toEqual(bitsOf(expected.y as Tensor));
  expect(foldControlFlow(after)).toBe(after);
  return after;
}
const operators = ({ nodes }: Graph) => nodes.map(({ op }) => op);

describe("If", () => {
  const branches = {
    then_branch: body({ outputs: [value("out")], nodes: [node("Neg", ["x"], ["in"]), node("Exp", ["in"], ["out"])] }),
    else_branch: body({
      outputs: [value("out")],
      nodes: [node("Add", ["x", "in"], ["out"])],
      initializers: new Map([["in", float32([7])]]),
    }),
  };

  test.each<[string, Tensor, string[]]>([
    ["the first branch", yes, ["Neg", "Exp"]],
    ["the second, with its constants", no, ["Add"]],
  ])("%s is taken", async (_, condition, left) => {
    expect(operators(await folded(model([node("If", ["c"], ["y"], branches)], { c: condition })))).toEqual(left);
  });

  test("what several branches call the same gets names of its own", async () => {
    const twice = [node("If", ["c"], ["p"], branches), node("If", ["d"], ["q"], branches), node("If", ["d"], ["r"], branches)];
    const after = await folded(model([...twice, node("Sum", ["p", "q", "r"], ["y"])], { c: yes, d: no }));
    expect(operators(after)).toEqual(["Neg", "Exp", "Add", "Add", "Sum"]);
  });

  test("as TorchScript writes squeeze: if that axis has size 1", async () => {
    const squeeze = { outputs: [open("s")], nodes: [node("Squeeze", ["row", "axis"], ["s"])] };
    const nodes = [
      node("Slice", ["x", "zero", "one"], ["row"]),
      node("Shape", ["row"], ["sizes"]),
      node("Gather", ["sizes", "zero"], ["size"]),
      node("Equal", ["size", "one"], ["c"]),
      node("If", ["c"], ["y"], {
        then_branch: body(squeeze),
        else_branch: body({ outputs: [open("same")], nodes: [node("Identity", ["row"], ["same"])] }),
      }),
    ];
    const after = await folded(model(nodes, { zero: int64([0]), one: int64([1]), axis: int64([0]) }));
    expect(operators(foldConstants(after))).toEqual(["Slice", "Squeeze"]);
  });

  test("branches in branches, which hand values through", async () => {
    const through = body({ outputs: [value("same")], nodes: [node("Identity", ["x"], ["same"])] });
    const inner = { then_branch: through, else_branch: branches.else_branch };
    const outer = {
      then_branch: body({ outputs: [value("o"), value("o2")], nodes: [node("If", ["d"], ["o"], inner), node("Neg", ["o"], ["o2"])] }),
      else_branch: body({ outputs: [value("same"), value("o2")], nodes: [...through.value.nodes, node("Abs", ["x"], ["o2"])] }),
    };
    for (const d of [yes, no]) {
      const nodes = [node("If", ["c"], ["p", "q"], outer), node("Add", ["p", "q"], ["y"])];
      expect(operators(await folded(model(nodes, { c: yes, d })))).not.toContain("If");
    }
  });

  test("a branch that gives one value twice, or one from around it", () => {
    const branch = body({ outputs: [value("o"), value("o"), value("x")], nodes: [node("Neg", ["x"], ["o"])] });
    const nodes = [node("If", ["c"], ["p", "q", "r"], { then_branch: branch }), node("Sum", ["p", "q", "r"], ["y"])];
    const after = foldControlFlow(model(nodes, { c: yes }));
    expect(after.nodes.map(({ op, inputs, outputs }) => [op, ...inputs, ...outputs].join(" "))).toEqual([
      "Neg x p",
      "Identity p q",
      "Identity x r",
      "Sum p q r y",
    ]);
  });

  test("a branch that depends on the data stays, with all that it needs", async () => {
    const nodes = [
      node("ReduceMax", ["x"], ["m"], { keepdims: int(0) }),
      node("Cast", ["m"], ["c"], { to: int(9) }),
      node("If", ["c"], ["y"], branches),
    ];
    const before = model(nodes);
    expect(foldControlFlow(before)).toBe(before);
    await folded(before);
  });
});

describe("Loop", () => {
  /** acc = acc · x + i, and a row per iteration. */
  const loopBody = (condition: Node) =>
    body({
      inputs: [value("i", [], "int64"), value("go", [], "bool"), value("acc")],
      outputs: [value("goes", [], "bool"), value("next"), value("row", [3])],
      nodes: [
        node("Cast", ["i"], ["f"], { to: int(1) }),
        node("Mul", ["acc", "x"], ["scaled"]),
        node("Add", ["scaled", "f"], ["next"]),
        node("ReduceSum", ["next", "axes"], ["row"], { keepdims: int(0) }),
        condition,
      ],
      initializers: new Map([["axes", int64([0])]]),
    });
  const always = node("Identity", ["go"], ["goes"]);
  const total = [node("ReduceSum", ["rows"], ["t"], { keepdims: int(0) }), node("Add", ["last", "t"], ["y"])];

  test.each([11, 21])("that runs three times, with rows to stack, at opset %s", async (opset) => {
    const withAttribute = opset < 13 ? [node("ReduceSum", ["next"], ["row"], { axes: ints([0]), keepdims: int(0) })] : [];
    const loop = loopBody(always);
    const nodes = [...loop.value.nodes.filter(({ op }) => withAttribute.length === 0 || op !== "ReduceSum"), ...withAttribute];
    const unrolling = { body: body({ ...loop.value, nodes }) };
    const after = await folded(model([node("Loop", ["n", "", "x"], ["last", "rows"], unrolling), ...total], { n: scalar(3) }, opset));
    expect(operators(after).filter((op) => op === "Mul")).toHaveLength(3);
    expect(operators(after).filter((op) => op === "Unsqueeze")).toHaveLength(3);
    expect(operators(after)).not.toContain("Loop");
  });

  test("that a condition ends, as `while` does", async () => {
    const loop = { body: loopBody(node("Less", ["i", "two"], ["goes"])) };
    const nodes = [node("Loop", ["n", "c", "x"], ["last", "rows"], loop), ...total];
    const after = await folded(model(nodes, { n: scalar(2 ** 62), c: yes, two: scalar(2) }));
    expect(operators(after).filter((op) => op === "Mul")).toHaveLength(3);
  });

  test("that never runs", async () => {
    const nodes = [node("Loop", ["n", "c", "x"], ["last", "rows"], { body: loopBody(always) }), ...total];
    expect(operators(await folded(model(nodes, { n: scalar(5), c: { ...no, shape: [] } })))).not.toContain("Loop");
  });

  test("in a Loop, with an If on the iteration", async () => {
    const branches = {
      then_branch: body({ outputs: [value("n2")], nodes: [node("Neg", ["v"], ["n2"])] }),
      else_branch: body({ outputs: [value("n2")], nodes: [node("Abs", ["v"], ["n2"])] }),
    };
    const inner = body({
      inputs: [value("j", [], "int64"), value("c2", [], "bool"), value("v")],
      outputs: [value("c2", [], "bool"), value("w")],
      nodes: [node("Equal", ["j", "i"], ["same"]), node("If", ["same"], ["w"], branches)],
    });
    const outer = body({
      inputs: [value("i", [], "int64"), value("c1", [], "bool"), value("u")],
      outputs: [value("c1", [], "bool"), value("r")],
      nodes: [node("Loop", ["n", "", "u"], ["r"], { body: inner })],
    });
    const after = await folded(model([node("Loop", ["n", "", "x"], ["y"], { body: outer })], { n: scalar(2) }));
    expect(operators(after).filter((op) => op !== "Identity")).toEqual(["Neg", "Abs", "Abs", "Neg"]);
  });

  test.each<[string, Record<string, Tensor>, Node]>([
    ["runs too often", { n: scalar(10 ** 6) }, always],
    ["depends on the data", { n: scalar(3), zero: float32([0], []) }, node("Less", ["zero", "f"], ["goes"])],
  ])("that %s stays", async (_, constants, condition) => {
    const data = condition === always ? condition : node("Cast", ["acc0"], ["goes"], { to: int(9) });
    const loop = loopBody(data).value;
    const nodes = data === always ? loop.nodes : [...loop.nodes, node("ReduceMax", ["next"], ["acc0"], { keepdims: int(0) })];
    const before = model([node("Loop", ["n", "", "x"], ["last", "rows"], { body: body({ ...loop, nodes }) }), ...total], constants);
    expect(foldControlFlow(readOnnx(writeOnnx(before))).nodes[0]?.op).toBe("Loop");
  });

  test("and loops in loops in loops are given up before they fill the memory", () => {
    const nested = (depth: number): Node =>
      node("Loop", ["n", "", "x"], [depth === 0 ? "y" : `y${depth}`], {
        body: body({
          inputs: [value(`i${depth}`, [], "int64"), value(`c${depth}`, [], "bool"), value(`v${depth}`)],
          outputs: [value(`c${depth}`, [], "bool"), value(depth === 4 ? `v${depth}` : `y${depth + 1}`)],
          nodes: depth === 4 ? [] : [nested(depth + 1)],
        }),
      });
    const before = model([nested(0)], { n: scalar(1000) });
    expect(operators(foldControlFlow(before))).toEqual(["Loop"]);
  });
});

describe("sequences", () => {
  test("of what a Loop collects, as `torch.stack` of a list", async () => {
    const collect = body({
      inputs: [value("i", [], "int64"), value("c", [], "bool"), { ...open("list"), unstated: "type" }],
      outputs: [value("c", [], "bool"), { ...open("longer"), unstated: "type" }],
      nodes: [node("Gather", ["x", "i"], ["column"], { axis: int(1) }), node("SequenceInsert", ["list", "column"], ["longer"])],
    });
    const nodes = [
      node("SequenceEmpty", [], ["empty"]),
      node("Shape", ["x"], ["sizes"]),
      node("Gather", ["sizes", "one"], ["n"]),
      node("Loop", ["n", "", "empty"], ["list"], { body: collect }),
      node("ConcatFromSequence", ["list"], ["y"], { axis: int(-1), new_axis: int(1) }),
    ];
    const after = await folded(model(nodes, { one: scalar(1) }));
    expect(operators(foldConstants(after))).toEqual(["Gather", "Gather", "Gather", "Unsqueeze", "Unsqueeze", "Unsqueeze", "Concat"]);
  });

  test("of the parts of a tensor", async () => {
    for (const [split, keepdims] of [
      ["", 0],
      ["", 1],
      ["two", 1],
      ["sizes", 1],
    ] as const) {
      const nodes = [
        node("SplitToSequence", ["x", split].filter(Boolean), ["parts"], { axis: int(1), keepdims: int(keepdims) }),
        node("SequenceLength", ["parts"], ["length"]),
        node("Sub", ["length", "one"], ["last"]),
        node("SequenceErase", ["parts", "last"], ["fewer"]),
        node("SequenceAt", ["fewer", "minusOne"], ["part"]),
        node("SequenceConstruct", ["part", "part"], ["pair"]),
        node("SequenceInsert", ["pair", "part", "one"], ["three"]),
        node("ConcatFromSequence", ["three"], ["y"], { axis: int(0) }),
      ];
      const after = await folded(model(nodes, { one: scalar(1), minusOne: scalar(-1), two: scalar(2), sizes: int64([2, 1]) }));
      expect(operators(after).join()).not.toMatch(/Sequence/);
    }
  });

  test("whose length the data decides stay", async () => {
    const nodes = [
      node("SplitToSequence", ["x"], ["parts"], { axis: int(1) }),
      node("ArgMax", ["x"], ["best"], { axis: int(1), keepdims: int(0) }),
      node("Gather", ["best", "zero"], ["place"]),
      node("SequenceAt", ["parts", "place"], ["y"]),
    ];
    expect(operators(await folded(model(nodes, { zero: scalar(0) })))).toEqual([
      "Split",
      "SequenceConstruct",
      "ArgMax",
      "Gather",
      "SequenceAt",
    ]);
  });
});

test("a graph without control flow is the same object", () => {
  const before = model([node("Relu", ["x"], ["y"])]);
  expect(foldControlFlow(before)).toBe(before);
});
