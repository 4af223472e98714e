import { create, toBinary } from "@bufbuild/protobuf";
import { AttributeProto_AttributeType as AttributeType, ModelProtoSchema, TensorProto_DataLocation } from "onnx-buf";
import { int, ints, string } from "../src/graph/attributes.ts";
import { type GraphBuilder, graphBuilder } from "../src/graph/builder/builder.ts";
import type { Attributes, Graph, Node, Value } from "../src/graph/graph.ts";
import { writeOnnx } from "../src/graph/onnx/write.ts";
import { float32, int64, type Tensor } from "../src/graph/tensor.ts";

const ramp = (...shape: number[]) =>
  float32(
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, index) => index / 8 - 1),
    shape,
  );

/** A convolutional network with the shape arithmetic that exporters write. */
function cnn(): Graph {
  const g = graphBuilder("cnn");
  const x = g.input("x", "float32", ["N", 2, 8, 8]);
  const emit = (op: string, inputs: readonly Value[], attributes: Attributes = {}) => g.emit(op, inputs, { attributes })[0] as Value;
  const scale = g.initializer("scale", float32([1, 2, 1, 0.5]));
  let h = g.conv(x, g.initializer("w", ramp(4, 2, 3, 3)), g.initializer("b", ramp(4)), { padding: 1, stride: 2 });
  h = g.relu(g.batchNormalization(h, scale, scale, scale, scale));
  h = emit("Conv", [h, g.initializer("depthwise", ramp(4, 1, 3, 3))], {
    group: int(4),
    dilations: ints([1, 1]),
    auto_pad: string("SAME_UPPER"),
  });
  h = g.maxPool(h, [2, 2], { stride: 2 });
  const batch = emit("Gather", [emit("Shape", [h]), g.constant(int64([0], []))]);
  const target = emit("Concat", [emit("Unsqueeze", [batch, g.constant(int64([0]))]), g.constant(int64([-1]))], { axis: int(0) });
  const flat = emit("Reshape", [h, target]);
  g.output(g.softmax(g.gemm(flat, g.initializer("fc", ramp(3, 16)), g.initializer("fc.b", ramp(3)), { transposeB: true }), -1), "y");
  return g.build();
}

/** One attention head over embedded tokens, and what changes layouts. */
function transformer(): Graph {
  const g = graphBuilder("transformer");
  const ids = g.input("ids", "int64", ["N", 4]);
  const emit = (op: string, inputs: readonly Value[], attributes: Attributes = {}) => g.emit(op, inputs, { attributes })[0] as Value;
  const project = (from: Value, name: string) => g.matMul(from, g.initializer(name, ramp(8, 8)));
  const h = g.gather(g.initializer("embedding", ramp(16, 8)), ids, 0);
  const scores = g.matMul(project(h, "q"), emit("Transpose", [project(h, "k")], { perm: ints([0, 2, 1]) }));
  const mask = emit("Where", [
    g.initializer("mask", { type: "bool", shape: [4, 4], data: new Uint8Array(16).fill(1) }),
    g.scalar(0),
    g.scalar(-1e9),
  ]);
  const attended = g.matMul(g.softmax(g.add(g.mul(scores, 0.125), mask), -1), project(h, "v"));
  const size = g.initializer("size", float32([1, 1, 8].slice(2)));
  const normal = emit(
    "LayerNormalization",
    [g.add(h, attended), size, size].map((value, i) => (i === 0 ? value : emit("Expand", [value, g.constant(int64([8]))]))),
  );
  const pooled = g.reduceMean(emit("Slice", [normal, g.constant(int64([0])), g.constant(int64([3])), g.constant(int64([1]))]), {
    axes: [1],
  });
  g.output(layouts(g, pooled), "y");
  return g.build();
}

/** Operators whose sizes come from constants: what a changed constant makes enormous. */
function layouts(g: GraphBuilder, x: Value): Value {
  const emit = (op: string, inputs: readonly Value[], attributes: Attributes = {}) => g.emit(op, inputs, { attributes })[0] as Value;
  const numbers = (...values: number[]) => g.constant(int64(values));
  const fill = emit("ConstantOfShape", [numbers(2, 2)], { value: { kind: "tensor", value: float32([0.5]) } });
  const steps = emit("Cast", [emit("Range", [g.scalar(0, "int64"), g.scalar(4, "int64"), g.scalar(1, "int64")])], { to: int(1) });
  const tiled = emit("Tile", [emit("Expand", [g.initializer("one", ramp(1, 1)), numbers(2, 1)]), numbers(1, 2)]);
  const padded = emit("Pad", [fill, numbers(0, 1, 0, 1)]);
  const oneHot = emit("OneHot", [g.constant(int64([0, 1])), g.scalar(4, "int64"), g.initializer("off-on", ramp(2))], { axis: int(-1) });
  const sums = [fill, tiled, padded, oneHot].map((value) => g.reduceSum(value, { axes: [0, 1], keepDims: false }));
  return sums.reduce((sum, value) => g.add(sum, value), g.add(x, g.reduceSum(steps)));
}

const node = (op: string, inputs: readonly string[], outputs: readonly string[], attributes: Attributes = {}): Node => ({
  op,
  domain: "",
  name: `${op} of ${outputs}`,
  inputs,
  outputs,
  attributes,
});
const value = (name: string, shape: Value["shape"] = ["N", 4], type: Value["type"] = "float32"): Value => ({ name, type, shape });
const subgraph = (parts: Partial<Graph>): Attributes[string] => ({ kind: "graph", value: { ...empty, ...parts } });
const empty: Graph = { name: "inner", opsets: { "": 21 }, inputs: [], outputs: [], nodes: [], initializers: new Map(), metadata: {} };

/** If on a size, a Loop with rows to stack and an If within, a sequence of slices. */
function controlFlow(): Graph {
  const branch = (op: string) => subgraph({ outputs: [value("b")], nodes: [node(op, ["acc"], ["b"])] });
  const body = subgraph({
    inputs: [value("i", [], "int64"), value("go", [], "bool"), value("acc")],
    outputs: [value("goes", [], "bool"), value("next"), value("row")],
    nodes: [
      node("Less", ["i", "two"], ["goes"]),
      node("If", ["goes"], ["row"], { then_branch: branch("Neg"), else_branch: branch("Abs") }),
      node("Add", ["acc", "row"], ["next"]),
    ],
  });
  const taken = (name: string) => subgraph({ outputs: [value(name)], nodes: [node("Relu", ["x"], [name])] });
  return {
    ...empty,
    name: "control flow",
    inputs: [value("x")],
    outputs: [value("y", ["N", "M"])],
    initializers: new Map<string, Tensor>([
      ["one", int64([1], [])],
      ["two", int64([2], [])],
      ["four", int64([4], [])],
      ["n", int64([5], [])],
    ]),
    nodes: [
      node("Shape", ["x"], ["sizes"]),
      node("Gather", ["sizes", "one"], ["width"]),
      node("Equal", ["width", "four"], ["isFour"]),
      node("If", ["isFour"], ["h"], { then_branch: taken("t"), else_branch: taken("e") }),
      node("Loop", ["n", "", "h"], ["last", "rows"], { body }),
      node("SplitToSequence", ["last", "two"], ["halves"], { axis: int(1) }),
      node("SequenceAt", ["halves", "one"], ["half"]),
      node("SequenceInsert", ["halves", "half"], ["three"]),
      node("ConcatFromSequence", ["three"], ["y"], { axis: int(1) }),
    ],
  };
}

/** Weights of the types that are only carried along, recurrent and normalising operators, float16. */
function typed(): Graph {
  return {
    ...empty,
    name: "typed",
    inputs: [value("x", ["T", 2, 4])],
    outputs: [value("y", ["T", 1, 2, 3])],
    initializers: new Map<string, Tensor>([
      ["w4", { type: "int4", shape: [4, 4], data: new Uint8Array(8).fill(0x71) }],
      ["scale", float32([0.5], [])],
      ["half", { type: "float16", shape: [4], data: new Uint16Array(4).fill(0x3c00) }],
      ["W", ramp(1, 12, 4)],
      ["R", ramp(1, 12, 3)],
    ]),
    nodes: [
      node("DequantizeLinear", ["w4", "scale"], ["w"]),
      node("MatMul", ["x", "w"], ["h"]),
      node("Cast", ["half"], ["shift"], { to: int(1) }),
      node("Add", ["h", "shift"], ["shifted"]),
      node("LSTM", ["shifted", "W", "R"], ["y", "", ""], { hidden_size: int(3) }),
    ],
  };
}

/** A function that calls another, and weights in another file, as only protobuf says it. */
function functions(): Uint8Array {
  const own = "my.functions";
  const opsetImport = [{ version: 21n }, { domain: own, version: 1n }];
  const tensorType = {
    case: "tensorType" as const,
    value: { elemType: 1, shape: { dim: [{ value: { case: "dimValue" as const, value: 2n } }] } },
  };
  const alpha = { name: "alpha", type: AttributeType.FLOAT };
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 10n,
      opsetImport,
      functions: [
        {
          name: "leaky",
          domain: own,
          input: ["a"],
          output: ["b"],
          attributeProto: [{ ...alpha, f: 0.5 }],
          opsetImport,
          node: [{ opType: "LeakyRelu", input: ["a"], output: ["b"], attribute: [{ ...alpha, refAttrName: "alpha" }] }],
        },
        {
          name: "twice",
          domain: own,
          input: ["a"],
          output: ["b"],
          opsetImport,
          node: [
            { opType: "leaky", domain: own, input: ["a"], output: ["c"], attribute: [{ ...alpha, f: 0.25 }] },
            { opType: "leaky", domain: own, input: ["c"], output: ["b"] },
          ],
        },
      ],
      graph: {
        name: "g",
        initializer: [
          {
            name: "w",
            dims: [2n],
            dataType: 1,
            dataLocation: TensorProto_DataLocation.EXTERNAL,
            externalData: [
              { key: "location", value: "weights.bin" },
              { key: "offset", value: "4" },
              { key: "length", value: "8" },
            ],
          },
        ],
        node: [
          { opType: "twice", domain: own, name: "call", input: ["x"], output: ["h"] },
          { opType: "Mul", input: ["h", "w"], output: ["y"] },
        ],
        input: [{ name: "x", type: { value: tensorType } }],
        output: [{ name: "y", type: { value: tensorType } }],
      },
    }),
  );
}

/** Small models that hold between them what a file can hold. */
export const fuzzModels: Readonly<Record<string, Uint8Array>> = {
  cnn: writeOnnx(cnn()),
  transformer: writeOnnx(transformer()),
  controlFlow: writeOnnx(controlFlow()),
  typed: writeOnnx(typed()),
  functions: functions(),
};
/** What `weights.bin` of the model with functions holds. */
export const fuzzWeights: ReadonlyMap<string, Uint8Array> = new Map([["weights.bin", new Uint8Array(12).fill(63)]]);
