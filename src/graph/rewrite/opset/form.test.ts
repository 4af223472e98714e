import { describe, expect, test } from "vitest";
import { LimbeckError } from "../../../errors.ts";
import { float, int, ints, string } from "../../attributes.ts";
import { type Attributes, type Graph, MICROSOFT, type Node, OPSET, type Value } from "../../graph.ts";
import { bitsOf, runGraph } from "../../run.fixture.ts";
import { float32, type Tensor } from "../../tensor.ts";
import { wave } from "./convert.cases.ts";
import { convertOpset } from "./convert.ts";

const value = (name: string, shape: Value["shape"], type: Value["type"] = "float32"): Value => ({ name, type, shape });
const node = (op: string, inputs: readonly string[], outputs: readonly string[], attributes: Attributes = {}): Node => ({
  op,
  domain: "",
  name: op,
  inputs,
  outputs,
  attributes,
});

function graphOf(opset: number, nodes: readonly Node[], parts: Partial<Graph> = {}): Graph {
  return {
    name: "test",
    opsets: { "": opset },
    inputs: [value("x", [2, 3, 4])],
    outputs: [value("y", ["a", "b", "c"])],
    nodes,
    initializers: new Map(),
    metadata: {},
    ...parts,
  };
}

function refusal(graph: Graph): LimbeckError {
  try {
    convertOpset(graph);
  } catch (error) {
    if (error instanceof LimbeckError) return error;
    throw error;
  }
  throw new Error("it was converted");
}

describe("which graphs", () => {
  test("one of today's operator set is given back as it is", () => {
    const graph = graphOf(OPSET, [node("Relu", ["x"], ["y"])]);
    expect(convertOpset(graph)).toBe(graph);
    const foreign = { ...graph, opsets: { [MICROSOFT]: 1 } };
    expect(convertOpset(foreign)).toBe(foreign);
  });

  test.each([1, 6, 27, 1000])("opset %i is refused", (opset) => {
    const { message, hint } = refusal(graphOf(opset, []));
    expect(message).toBe(`The model uses ONNX opset ${opset}; only opsets 7 to 26 are supported.`);
    expect(hint).toMatch(/opset 21/);
  });

  test("operators of other domains, newer ones and unknown ones stay as they are", () => {
    const nodes = [
      { ...node("Softmax", ["x"], ["a"]), domain: MICROSOFT },
      node("Swish", ["a"], ["b"]),
      node("Attention", ["b", "b", "b"], ["c"]),
      node("constructor", ["c"], ["y"]),
    ];
    for (const opset of [11, 24]) {
      const converted = convertOpset(graphOf(opset, nodes, { opsets: { "": opset, [MICROSOFT]: 1 } }));
      expect(converted.opsets).toEqual({ "": OPSET, [MICROSOFT]: 1 });
      converted.nodes.forEach((each, index) => expect(each).toBe(nodes[index]));
    }
  });
});

describe("the form of what comes out", () => {
  const only = (graph: Graph): Node => {
    const { nodes } = convertOpset(graph);
    expect(nodes).toHaveLength(1);
    return nodes[0] as Node;
  };

  test("softmax along the last axis, or along channels of single pixels, stays one node", () => {
    expect(only(graphOf(11, [node("Softmax", ["x"], ["y"], { axis: int(2) })])).attributes).toEqual({ axis: int(-1) });
    const pixels = graphOf(11, [node("Softmax", ["x"], ["y"])], { inputs: [value("x", ["N", 3, 1, 1])] });
    expect(only(pixels).attributes).toEqual({ axis: int(1) });
  });

  test("softmax over several axes keeps an open batch open, in constants", () => {
    const { nodes, initializers } = convertOpset(graphOf(11, [node("Softmax", ["x"], ["y"])], { inputs: [value("x", ["N", 3, 4])] }));
    expect(nodes.map(({ op }) => op)).toEqual(["Flatten", "Softmax", "Reshape"]);
    expect(Array.from(initializers.values(), ({ data }) => data)).toEqual([BigInt64Array.of(-1n, 3n, 4n)]);
  });

  test("a BatchNormalization in training mode says so, and gives what it did but the batch's statistics", () => {
    const inputs = ["x", "s", "b", "m", "v"];
    const trained = graphOf(9, [node("BatchNormalization", inputs, ["y", "mean", "var", "saved_mean", "saved_var"])]);
    expect(only(trained)).toMatchObject({ outputs: ["y", "mean", "var"], attributes: { training_mode: int(1) } });
    expect(only(graphOf(13, [node("BatchNormalization", inputs, ["y", "", ""])]))).toMatchObject({ outputs: ["y"], attributes: {} });
  });

  test("a mode of rounding is dropped", () => {
    expect(only(graphOf(24, [node("Cast", ["x"], ["y"], { to: int(10), round_mode: string("up") })])).attributes).toEqual({ to: int(10) });
  });

  test("TensorFlow's half pixels become those of ONNX", () => {
    const attributes = { coordinate_transformation_mode: string("tf_half_pixel_for_nn"), nearest_mode: string("floor") };
    expect(only(graphOf(11, [node("Resize", ["x", "", "s"], ["y"], attributes)])).attributes).toEqual({
      coordinate_transformation_mode: string("half_pixel"),
      nearest_mode: string("round_prefer_ceil"),
    });
  });

  test("quantities in another type than what they go with are cast", () => {
    const quantize = node("QuantizeLinear", ["x", "scale"], ["y"]);
    const half: Tensor = { type: "float16", shape: [], data: Uint16Array.of(0x3c00) };
    const { nodes } = convertOpset(graphOf(23, [quantize], { initializers: new Map([["scale", half]]) }));
    expect(nodes.map(({ op, inputs }) => [op, ...inputs])).toEqual([
      ["CastLike", "x", "scale"],
      ["QuantizeLinear", "QuantizeLinear/CastLike", "scale"],
    ]);
    const dequantize = node("DequantizeLinear", ["x", "scale"], ["y"], { output_dtype: int(10) });
    expect(convertOpset(graphOf(23, [dequantize])).nodes.map(({ op, attributes }) => [op, attributes])).toEqual([
      ["Cast", { to: int(10) }],
      ["DequantizeLinear", {}],
    ]);
  });

  test("bounds of a Clip whose type is not known are cast to it", () => {
    const nodes = [node("Unknown", ["x"], ["z"]), node("Clip", ["z"], ["y"], { min: float(0) })];
    expect(convertOpset(graphOf(9, nodes)).nodes.map(({ op, inputs }) => [op, ...inputs])).toEqual([
      ["Unknown", "x"],
      ["CastLike", "Clip/min", "z"],
      ["Clip", "z", "Clip/CastLike"],
    ]);
  });

  test("new names are names that nothing has", () => {
    const clip = (from: string, to: string) => node("Clip", [from], [to], { max: float(1) });
    const graph = graphOf(9, [clip("x", "Clip/max"), clip("Clip/max", "y")]);
    const converted = convertOpset(graph);
    expect([...converted.initializers.keys()]).toEqual(["Clip/max_2", "Clip/max_3"]);
    expect(converted.nodes.map(({ outputs }) => outputs)).toEqual([["Clip/max"], ["y"]]);
  });
});

test.each<[string, number, Node[], RegExp]>([
  [
    "a Resize by factors not known",
    10,
    [node("Resize", ["x", "x"], ["y"])],
    /Resize "Resize" of opset 10 cannot be brought to opset 21: whether it enlarges/,
  ],
  ["a Resize both ways", 10, [node("Resize", ["x", "both"], ["y"])], /enlarges along some axes and shrinks along others/],
  [
    "a linear Resize as of TensorFlow",
    11,
    [node("Resize", ["x", "", "both"], ["y"], { mode: string("linear"), coordinate_transformation_mode: string("tf_half_pixel_for_nn") })],
    /tf_half_pixel_for_nn/,
  ],
  ["an Upsample without scales", 7, [node("Upsample", ["x"], ["y"])], /it has no scales/],
  [
    "the statistics of a batch",
    9,
    [node("BatchNormalization", ["x"], ["y", "", "", "mean", ""]), node("Neg", ["mean"], ["z"])],
    /mean and variance, which it gave until opset 14, are used/,
  ],
  [
    "the statistics of each element",
    7,
    [node("BatchNormalization", ["x"], ["z", "y"], { spatial: int(0) })],
    /of each element, not of each channel/,
  ],
  ["the mask of an inactive Dropout", 10, [node("Dropout", ["x"], ["z", "y"])], /its mask, which is used/],
  ["a Scan over a batch", 8, [node("Scan", ["x"], ["y"])], /over a batch of sequences/],
])("%s cannot be converted", (_, opset, nodes, message) => {
  const error = refusal(graphOf(opset, nodes, { initializers: new Map([["both", float32([1, 0.5, 2])]]) }));
  expect(error.message).toMatch(message);
  expect(error.hint).toBe("Export the model again with opset 21.");
});

describe("subgraphs", () => {
  const body = (nodes: readonly Node[], parts: Partial<Graph> = {}) =>
    ({ kind: "graph", value: graphOf(11, nodes, { name: "body", inputs: [], ...parts }) }) as const;

  test("the branches of an If are converted, with what they know from outside", async () => {
    const squeeze = node("Unsqueeze", ["x"], ["u"], { axes: ints([0]) });
    const graph = graphOf(
      11,
      [
        node("If", ["flag"], ["y"], {
          then_branch: body([squeeze, node("Softmax", ["u"], ["then"], { axis: int(3) })], {
            outputs: [value("then", ["a", "b", "c", "d"])],
          }),
          else_branch: body([{ ...squeeze, outputs: ["v"] }, node("Softmax", ["v"], ["else"])], {
            outputs: [value("else", ["a", "b", "c", "d"])],
          }),
        }),
      ],
      { inputs: [value("x", [2, 3, 4]), value("flag", [], "bool")], outputs: [value("y", ["a", "b", "c", "d"])] },
    );
    const converted = convertOpset(graph);
    const [branch, other] = Object.values((converted.nodes[0] as Node).attributes).map(({ value: inner }) => inner as Graph);
    expect(branch?.opsets).toEqual({ "": OPSET });
    expect(branch?.nodes.map(({ op }) => op)).toEqual(["Unsqueeze", "Softmax"]);
    expect(other?.nodes.map(({ op }) => op)).toEqual(["Unsqueeze", "Flatten", "Softmax", "Reshape"]);
    expect([...(branch?.initializers.keys() ?? []), ...(other?.initializers.keys() ?? [])]).toEqual([
      "Unsqueeze/axes",
      "Unsqueeze/axes_2",
      "Softmax/shape",
    ]);
    for (const flag of [0, 1]) {
      const feeds = { x: wave([2, 3, 4]), flag: { type: "bool", shape: [], data: Uint8Array.of(flag) } as const };
      const [before, after] = [await runGraph(graph, feeds), await runGraph(converted, feeds)];
      expect(bitsOf(after.y as Tensor)).toEqual(bitsOf(before.y as Tensor));
    }
  });

  test("inputs of a body that the file says nothing about are not relied on", () => {
    const loop = node("Loop", ["", "", "x"], ["y"], {
      body: body([node("Softmax", ["inner"], ["then"])], { inputs: [{ ...value("inner", [7]), unstated: "shape" }] }),
    });
    const [{ value: inner }] = Object.values((convertOpset(graphOf(11, [loop])).nodes[0] as Node).attributes) as unknown as [
      { value: Graph },
    ];
    expect(inner.nodes.map(({ op }) => op)).toEqual(["Flatten", "Softmax", "Shape", "Reshape"]);
  });
});
