import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { AttributeProto_AttributeType as AttributeType, type FunctionProtoSchema, type GraphProtoSchema, ModelProtoSchema } from "onnx-buf";
import { describe, expect, test } from "vitest";
import { nodeRuntime } from "../../runtime/node.ts";
import { float32 } from "../tensor.ts";
import { readOnnx } from "./read.ts";
import { writeOnnx } from "./write.ts";

type GraphInit = MessageInitShape<typeof GraphProtoSchema>;
type FunctionInit = MessageInitShape<typeof FunctionProtoSchema>;

const value = (name: string, ...sizes: number[]) => ({
  name,
  type: {
    value: {
      case: "tensorType" as const,
      value: { elemType: 1, shape: { dim: sizes.map((size) => ({ value: { case: "dimValue" as const, value: BigInt(size) } })) } },
    },
  },
});
const float = (name: string, f: number) => ({ name, type: AttributeType.FLOAT, f });
const refersTo = (name: string, refAttrName: string) => ({ name, refAttrName, type: AttributeType.FLOAT });
const opset = (version: number, domain = "") => ({ domain, version: BigInt(version) });
const own = "my.functions";

/** A model from x [2] to y [2]. */
function model(nodes: GraphInit["node"], functions: FunctionInit[], opsets = [opset(21), opset(1, own)]): Uint8Array {
  const graph = { name: "g", node: nodes, input: [value("x", 2)], output: [value("y", 2)] };
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 10n, opsetImport: opsets, graph, functions }));
}

/** scaled(x; alpha, beta = 2) = LeakyRelu(x; alpha) * Constant(beta), where the product's name clashes with one of the model. */
const scaled: FunctionInit = {
  name: "scaled",
  domain: own,
  input: ["a", "unused"],
  output: ["b"],
  attribute: ["alpha"],
  attributeProto: [float("beta", 2)],
  opsetImport: [opset(21)],
  node: [
    { opType: "Constant", output: ["factor"], attribute: [refersTo("value_float", "beta")] },
    { opType: "LeakyRelu", name: "leak", input: ["a"], output: ["x"], attribute: [refersTo("alpha", "alpha")] },
    { opType: "Mul", input: ["x", "factor"], output: ["b"] },
  ],
};
const call = (input: string[], output: string[], ...attribute: ReturnType<typeof float>[]) => ({
  opType: "scaled",
  domain: own,
  name: `to ${output}`,
  input,
  output,
  attribute,
});

/** y of a model for x, by ONNX Runtime: of the file as it is, and of what is read from it. */
async function outputs(bytes: Uint8Array, x: readonly number[]): Promise<[Float32Array, Float32Array]> {
  const run = async (file: Uint8Array) => {
    const session = await nodeRuntime().createSession(file);
    const { y } = await session.run({ x: float32(x) });
    await session.release();
    return y?.data as Float32Array;
  };
  return [await run(bytes), await run(writeOnnx(readOnnx(bytes)))];
}

describe("functions of the model are inlined", () => {
  test("at each call under names of its own, with the call's attributes, the defaults, or none", async () => {
    const bytes = model([call(["x"], ["z"], float("alpha", 0.5)), call(["z"], ["y"], float("beta", 3)), call(["z"], ["aside"])], [scaled]);
    const graph = readOnnx(bytes, "m.onnx");
    expect(graph.nodes.map(({ op, inputs, outputs: given }) => [op, ...inputs, "->", ...given].join(" "))).toEqual([
      "Constant -> to z/factor",
      "LeakyRelu x -> to z/x",
      "Mul to z/x to z/factor -> z",
      "Constant -> to y/factor",
      "LeakyRelu z -> to y/x",
      "Mul to y/x to y/factor -> y",
      "Constant -> to aside/factor",
      "LeakyRelu z -> to aside/x",
      "Mul to aside/x to aside/factor -> aside",
    ]);
    expect(graph.nodes.map(({ attributes }) => attributes)).toMatchObject([
      { value_float: { value: 2 } },
      { alpha: { value: 0.5 } },
      {},
      { value_float: { value: 3 } },
      {},
      {},
      { value_float: { value: 2 } },
      {},
      {},
    ]);
    const [before, after] = await outputs(bytes, [-8, 4]);
    expect(after).toEqual(before);
    // -8 · 0.5 · 2 = -8, then · 0.01 (the operator's own default) · 3.
    expect([...after].map((number) => number.toFixed(3))).toEqual(["-0.240", "24.000"]);
  });

  test("within each other, in the branches of an If, and by overload", async () => {
    const twice: FunctionInit = {
      name: "twice",
      overload: "of scaled",
      domain: own,
      input: ["a"],
      output: ["out", "same", "handed"],
      opsetImport: [opset(21), opset(1, own)],
      node: [
        { opType: "scaled", domain: own, name: "first", input: ["a"], output: ["half"] },
        { opType: "scaled", domain: own, name: "second", input: ["half"], output: ["out"] },
        { opType: "Neg", input: ["out"], output: ["same"] },
        { opType: "Identity", input: ["a"], output: ["handed"] },
      ],
    };
    const branch = (name: string, factor: number): { name: string; type: number; g: GraphInit } => ({
      name,
      type: AttributeType.GRAPH,
      g: {
        name,
        node: [
          { opType: "twice", overload: "of scaled", domain: own, name: "inside", input: ["x"], output: ["", "negative", "copy"] },
          { opType: "Constant", output: ["factor"], attribute: [float("value_float", factor)] },
          { opType: "Mul", input: ["negative", "factor"], output: ["result"] },
        ],
        output: [{ name: "result" }],
      },
    });
    const bytes = model(
      [
        { opType: "ReduceMax", input: ["x"], output: ["largest"], attribute: [{ name: "keepdims", type: AttributeType.INT, i: 0n }] },
        { opType: "Cast", input: ["largest"], output: ["condition"], attribute: [{ name: "to", type: AttributeType.INT, i: 9n }] },
        { opType: "If", input: ["condition"], output: ["y"], attribute: [branch("then_branch", 1), branch("else_branch", 10)] },
      ],
      [scaled, twice],
    );
    for (const x of [
      [3, 0],
      [0, -5],
    ]) {
      const [before, after] = await outputs(bytes, x);
      expect(after).toEqual(before);
      expect(Math.abs(after.reduce((sum, number) => sum + number, 0))).toBeGreaterThan(0.01);
    }
  });

  test("a function that hands its input through, or gives one value twice", async () => {
    const pair: FunctionInit = {
      name: "pair",
      domain: own,
      input: ["a"],
      output: ["a", "n", "n"],
      opsetImport: [opset(21)],
      node: [{ opType: "Neg", input: ["a"], output: ["n"] }],
    };
    const bytes = model(
      [
        { opType: "pair", domain: own, input: ["x"], output: ["p", "q", "r"] },
        { opType: "Sum", input: ["p", "q", "r", "r"], output: ["y"] },
      ],
      [pair],
    );
    const session = await nodeRuntime().createSession(writeOnnx(readOnnx(bytes)));
    expect((await session.run({ x: float32([1, -2]) })).y?.data).toEqual(Float32Array.of(-2, 4));
    await session.release();
  });

  test("operator sets that only functions name are known", () => {
    const graph = readOnnx(model([call(["x"], ["y"])], [{ ...scaled, opsetImport: [opset(21), opset(1, "com.microsoft")] }]));
    expect(graph.opsets).toMatchObject({ "": 21, "com.microsoft": 1 });
  });
});

describe("functions that make no sense are refused", () => {
  const self = (name: string, calls: string, node = [{ opType: calls, domain: own, input: ["a"], output: ["b"] }]): FunctionInit => ({
    name,
    domain: own,
    input: ["a"],
    output: ["b"],
    opsetImport: [opset(21), opset(1, own)],
    node,
  });
  /** f0 calls f1 twice, f1 calls f2 twice, and so on: 2^depth nodes. */
  const doubling = (depth: number): FunctionInit[] =>
    Array.from({ length: depth }, (_, level) => ({
      name: `f${level}`,
      domain: own,
      input: ["a"],
      output: ["b"],
      opsetImport: [opset(21), opset(1, own)],
      node: [
        { opType: `f${level + 1}`, domain: own, input: ["a"], output: ["c"] },
        { opType: `f${level + 1}`, domain: own, input: ["c"], output: ["b"] },
      ],
    }));
  const calling = (opType: string) => [{ opType, domain: own, input: ["x"], output: ["y"] }];

  test.each<[string, Uint8Array, RegExp]>([
    ["one that calls itself", model(calling("f"), [self("f", "f")]), /calls itself/],
    ["two that call each other", model(calling("f"), [self("f", "g"), self("g", "f")]), /calls itself/],
    [
      "a chain that is too deep",
      model(
        calling("f0"),
        Array.from({ length: 99 }, (_, i) => self(`f${i}`, `f${i + 1}`)),
      ),
      /too deep/,
    ],
    ["a few that become a million nodes", model(calling("f0"), doubling(30)), /more nodes than any real model/],
    ["another version", model([call(["x"], ["y"])], [{ ...scaled, opsetImport: [opset(18)] }]), /version 18 .* the model 21/],
    ["too many inputs", model([call(["x", "x", "x"], ["y"])], [scaled]), /more inputs or outputs/],
    ["too many outputs", model([call(["x"], ["y", "z"])], [scaled]), /more inputs or outputs/],
    [
      "a value from outside",
      model(calling("f"), [self("f", "g", [{ opType: "Add", domain: "", input: ["a", "x"], output: ["b"] }])]),
      /takes "x"/,
    ],
    ["an output that nothing gives", model(calling("f"), [self("f", "g", [])]), /takes "b", which nothing in it gives/],
    ["a reference outside", model([{ opType: "Elu", input: ["x"], output: ["y"], attribute: [refersTo("alpha", "a")] }], []), /in none/],
  ])("%s", (_, bytes, message) => {
    expect(() => readOnnx(bytes)).toThrow(expect.objectContaining({ name: "LimbeckError", message: expect.stringMatching(message) }));
  });
});
