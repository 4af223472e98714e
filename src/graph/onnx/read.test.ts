import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import {
  AttributeProto_AttributeType as AttributeType,
  type GraphProtoSchema,
  ModelProtoSchema,
  TensorProto_DataType,
  type TypeProtoSchema,
} from "onnx-buf";
import { describe, expect, test } from "vitest";
import { LimbeckError } from "../../errors.ts";
import { graphBuilder } from "../builder/builder.ts";
import type { Attributes, Graph, Node } from "../graph.ts";
import { foldConstants } from "../rewrite/fold.ts";
import { bindDimensions, inferShapes } from "../rewrite/infer.ts";
import { float32, int32, int64, type Tensor } from "../tensor.ts";
import { readOnnx } from "./read.ts";
import { writeOnnx } from "./write.ts";

function smallModel(): Graph {
  const g = graphBuilder("small");
  const x = g.input("x", "float32", ["N", 3]);
  const w = g.initializer("w", float32([1, -0, Number.NaN, 4, 5, 6], [3, 2]));
  g.output(g.reshape(g.clip(g.add(g.matMul(x, w), 0.5), 0), [-1, 1, 2]), "y");
  return g.build();
}

const node = (op: string, inputs: string[], outputs: string[], attributes: Attributes = {}): Node => ({
  op,
  domain: "",
  name: `${op} of ${inputs}`,
  inputs,
  outputs,
  attributes,
});

/** A graph from x to y with these nodes, as bytes. */
function modelOf(nodes: readonly Node[], more: Partial<Graph> = {}): Uint8Array {
  const value = (name: string) => ({ name, type: "float32" as const, shape: [2] });
  return writeOnnx({
    name: "g",
    opsets: { "": 21 },
    inputs: [value("x")],
    outputs: [value("y")],
    nodes,
    initializers: new Map(),
    metadata: {},
    ...more,
  });
}

/** A file around a graph as the format has it. */
function fileOf(graph: MessageInitShape<typeof GraphProtoSchema>): Uint8Array {
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 10n, opsetImport: [{ version: 21n }], graph }));
}

/** The error of reading, which must be one for users. */
function refusal(bytes: Uint8Array): LimbeckError {
  try {
    readOnnx(bytes, "model.onnx");
  } catch (error) {
    if (error instanceof LimbeckError) return error;
    throw error;
  }
  throw new Error("It was read.");
}

describe("round trip", () => {
  test("gives the same graph and the same bytes", () => {
    const graph = { ...smallModel(), metadata: { author: "Ada" } };
    const bytes = writeOnnx(graph);
    expect(readOnnx(bytes)).toEqual(graph);
    expect(writeOnnx(readOnnx(bytes))).toEqual(bytes);
  });

  test("keeps every element type and every kind of attribute", () => {
    const tensors: Record<string, Tensor> = {
      float32: float32([1.5, -0], [2]),
      float64: { type: "float64", shape: [1], data: Float64Array.of(Math.PI) },
      float16: { type: "float16", shape: [2], data: Uint16Array.of(0x3c00, 0xfc00) },
      bfloat16: { type: "bfloat16", shape: [1], data: Uint16Array.of(0x3f80) },
      int8: { type: "int8", shape: [2], data: Int8Array.of(-128, 127) },
      int16: { type: "int16", shape: [1], data: Int16Array.of(-32768) },
      int32: int32([-7]),
      int64: int64([-(2n ** 63n), 2n ** 63n - 1n]),
      uint8: { type: "uint8", shape: [1], data: Uint8Array.of(255) },
      uint16: { type: "uint16", shape: [1], data: Uint16Array.of(65535) },
      uint32: { type: "uint32", shape: [1], data: Uint32Array.of(2 ** 32 - 1) },
      uint64: { type: "uint64", shape: [1], data: BigUint64Array.of(2n ** 64n - 1n) },
      bool: { type: "bool", shape: [2, 1], data: Uint8Array.of(0, 1) },
      string: { type: "string", shape: [2], data: ["", "\ufeffnaïve"] },
      float8e4m3fn: { type: "float8e4m3fn", shape: [2], data: Uint8Array.of(0x38, 0xff) },
      float8e5m2fnuz: { type: "float8e5m2fnuz", shape: [1], data: Uint8Array.of(0x80) },
      float8e8m0: { type: "float8e8m0", shape: [1], data: Uint8Array.of(127) },
      // Two and four elements share a byte; what is left of the last one is unused.
      int4: { type: "int4", shape: [3], data: Uint8Array.of(0x8f, 0x07) },
      uint4: { type: "uint4", shape: [2, 1], data: Uint8Array.of(0xf1) },
      float4e2m1: { type: "float4e2m1", shape: [], data: Uint8Array.of(0x03) },
      uint2: { type: "uint2", shape: [5], data: Uint8Array.of(0b11100100, 0b01) },
      empty: float32([], [0, 3]),
      scalar: float32([2], []),
    };
    const attributes: Attributes = {
      float: { kind: "float", value: 0.5 },
      int: { kind: "int", value: -3 },
      largest: { kind: "int", value: 2 ** 63 },
      string: { kind: "string", value: "ü" },
      floats: { kind: "floats", value: [1, 0.25] },
      ints: { kind: "ints", value: [] },
      strings: { kind: "strings", value: ["a", ""] },
      tensor: { kind: "tensor", value: int64([1, 2], [1, 2]) },
      graph: {
        kind: "graph",
        value: {
          ...readOnnx(
            modelOf([node("Relu", ["outside"], ["z"])], {
              inputs: [{ name: "outside", type: "float32", shape: [2] }],
              outputs: [{ name: "z", type: "float32", shape: [2] }],
            }),
          ),
          inputs: [],
        },
      },
    };
    const nodes = [node("Relu", ["x"], ["outside"]), node("Custom", ["", "outside"], ["", "y"], attributes)];
    const graph = readOnnx(modelOf(nodes, { initializers: new Map(Object.entries(tensors)) }));
    expect(graph.initializers).toEqual(new Map(Object.entries(tensors)));
    expect(graph.nodes).toEqual(nodes);
  });

  test("reads from a Buffer that shares its memory", () => {
    const bytes = writeOnnx(smallModel());
    for (const offset of [1, 2, 3]) {
      const pool = Buffer.alloc(bytes.length + 8);
      pool.set(bytes, offset);
      expect(readOnnx(pool.subarray(offset, offset + bytes.length))).toEqual(smallModel());
    }
  });
});

describe("what files leave open", () => {
  const x = { name: "x", type: "float32" as const, shape: ["N", 2] };
  const unstated = (unstated: "shape" | "type") => ({ name: "y", type: "float32" as const, shape: [], unstated });

  test.each(["shape", "type"] as const)("the %s of an output is inferred", (what) => {
    const bytes = modelOf([node("Transpose", ["x"], ["y"])], { inputs: [x], outputs: [unstated(what)] });
    expect(readOnnx(bytes).outputs).toEqual([{ name: "y", type: "float32", shape: [2, "N"] }]);
  });

  test("stays open where no rule tells it, and in subgraphs", () => {
    const branch = { ...readOnnx(modelOf([node("Neg", ["z"], ["y"])], { inputs: [{ ...x, name: "z" }] })), outputs: [unstated("type")] };
    const nodes = [
      node("Custom", ["x"], ["z"]),
      node("If", ["x"], ["y"], { then_branch: { kind: "graph", value: { ...branch, inputs: [] } } }),
    ];
    const bytes = modelOf(nodes, { inputs: [x], outputs: [unstated("shape")] });
    const graph = readOnnx(bytes);
    expect(graph.outputs).toEqual([unstated("shape")]);
    expect(graph.nodes).toEqual(nodes);
    expect(writeOnnx(graph)).toEqual(bytes);
  });
});

test("elements in the fields of old files are read as those in raw bytes", () => {
  const int32Data: readonly [TensorProto_DataType, number[], ArrayLike<number>][] = [
    [TensorProto_DataType.INT8, [-1, 127], [-1, 127]],
    [TensorProto_DataType.UINT8, [255, 0], [255, 0]],
    [TensorProto_DataType.INT16, [-32768, 1], [-32768, 1]],
    [TensorProto_DataType.BOOL, [1, 0], [1, 0]],
    [TensorProto_DataType.FLOAT16, [0xbc00, 0x3c00], [0xbc00, 0x3c00]],
    [TensorProto_DataType.BFLOAT16, [0xbf80, 0x3f80], [0xbf80, 0x3f80]],
    [TensorProto_DataType.FLOAT8E4M3FN, [0xff, 0x38], [0xff, 0x38]],
  ];
  for (const [dataType, values, expected] of int32Data) {
    const { initializers } = readOnnx(fileOf({ initializer: [{ name: "w", dims: [2n], dataType, int32Data: values }] }));
    expect(Array.from(initializers.get("w")?.data as Uint8Array)).toEqual(expected);
  }
  const uint64Data = [2n ** 32n - 1n];
  const read = (dataType: TensorProto_DataType) =>
    readOnnx(fileOf({ initializer: [{ name: "w", dims: [1n], dataType, uint64Data }] })).initializers.get("w")?.data;
  expect(read(TensorProto_DataType.UINT32)).toEqual(Uint32Array.of(2 ** 32 - 1));
  expect(read(TensorProto_DataType.UINT64)).toEqual(BigUint64Array.of(2n ** 32n - 1n));
  const packed = readOnnx(fileOf({ initializer: [{ name: "w", dims: [3n], dataType: TensorProto_DataType.INT4, int32Data: [0x21, 3] }] }));
  expect(packed.initializers.get("w")).toEqual({ type: "int4", shape: [3], data: Uint8Array.of(0x21, 3) });
});

test("a model larger than a file can be is not written", () => {
  // Counted, not copied: the data is one large array without memory of its own.
  const huge = { byteLength: 2 ** 31 } as Float32Array;
  const graph = { ...smallModel(), initializers: new Map([["w", { type: "float32" as const, shape: [2 ** 29], data: huge }]]) };
  expect(() => writeOnnx(graph)).toThrow(/larger than one ONNX file can be \(2 GB\)/);
});

describe("bytes that are no model", () => {
  test.each([
    ["nothing", new Uint8Array()],
    [
      "a PNG",
      Uint8Array.from([
        137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82, 0, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 0, 144, 119, 83, 222,
      ]),
    ],
    ["text", new TextEncoder().encode("# a README, not a model")],
    ["an empty graph", Uint8Array.of(58, 0)],
    ["an empty graph with the wire type of a number", Uint8Array.of(56, 0)],
  ])("%s", (_, bytes) => {
    expect(refusal(bytes)).toMatchObject({
      message: expect.stringMatching(/^Not a readable ONNX model/),
      where: expect.stringContaining("model.onnx"),
      exitCode: 2,
    });
  });

  test("a model cut short at any byte", () => {
    const bytes = writeOnnx(smallModel());
    for (let length = 0; length < bytes.length; length++) refusal(bytes.subarray(0, length));
  });

  test("random bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        refusal(bytes);
      }),
      { numRuns: 500 },
    );
  });

  test("a model with some bytes changed is read or refused, and so is all that is inferred from it", () => {
    const bytes = writeOnnx(smallModel());
    const change = fc.record({ at: fc.nat(bytes.length - 1), to: fc.nat(255) });
    let read = 0;
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        const changed = bytes.slice();
        for (const { at, to } of changes) changed[at] = to;
        try {
          const graph = readOnnx(changed);
          read++;
          inferShapes(foldConstants(bindDimensions(graph, { N: 2 })));
        } catch (error) {
          if (!(error instanceof LimbeckError)) throw error;
        }
      }),
      { numRuns: 2000 },
    );
    expect(read).toBeGreaterThan(100);
  });
});

describe("models that make no sense", () => {
  test.each([
    ["absurd size", [2n ** 40n, 2n ** 40n], /shape \[1099511627776, 1099511627776\] makes no sense/],
    ["negative size", [-2n], /shape \[-2\] makes no sense/],
    ["more elements than bytes", [10n ** 9n], /should hold 1000000000 elements but holds 2/],
    ["a size beyond exact numbers", [0n, 2n ** 60n], /makes no sense/],
  ])("a tensor with %s", (_, dims, message) => {
    const initializer = [{ name: "w", dims, dataType: 1, rawData: new Uint8Array(8) }];
    expect(refusal(fileOf({ initializer })).message).toMatch(message);
  });

  test("bytes that don't divide into elements", () => {
    expect(refusal(fileOf({ initializer: [{ name: "w", dims: [1n], dataType: 1, rawData: new Uint8Array(7) }] })).message).toMatch(
      /7 bytes do not divide into float32/,
    );
  });

  test("a string that is no text", () => {
    const attribute = [{ name: "s", type: AttributeType.STRING, s: Uint8Array.of(0xff) }];
    expect(refusal(fileOf({ node: [{ opType: "Custom", output: ["y"], attribute }] }))).toMatchObject({
      message: "A string of the model is not UTF-8 text.",
      where: 'model.onnx, node "Custom_0"',
    });
  });

  test("an element type that is not supported", () => {
    expect(refusal(fileOf({ initializer: [{ name: "w", dims: [], dataType: 14 }] }))).toMatchObject({
      message: "Element type complex64 is not supported.",
      where: 'model.onnx, tensor "w"',
    });
  });

  test("more axes than any tensor has", () => {
    const dims = new Array<bigint>(1000).fill(1n);
    expect(refusal(fileOf({ initializer: [{ name: "w", dims, dataType: 1, rawData: new Uint8Array(4) }] })).message).toMatch(
      /has 1000 axes/,
    );
    const dim = dims.map((value) => ({ value: { case: "dimValue" as const, value } }));
    const type = { value: { case: "tensorType" as const, value: { elemType: 1, shape: { dim } } } };
    expect(refusal(fileOf({ input: [{ name: "x", type }] })).message).toMatch(/has 1000 axes/);
  });

  test("a node with more inputs than any operator takes", () => {
    const input = new Array<string>(200_000).fill("x");
    expect(refusal(fileOf({ node: [{ opType: "Sum", input, output: ["y"] }] })).message).toMatch(/more than 16384 inputs or outputs/);
  });

  test("an operator whose name every object has", () => {
    expect(refusal(fileOf({ node: [{ opType: "constructor", output: ["y"] }] })).message).toMatch(/no operator is called "constructor"/);
  });

  test.each<[string, NonNullable<MessageInitShape<typeof TypeProtoSchema>["value"]>]>([
    ["a sequence", { case: "sequenceType", value: {} }],
    ["a map", { case: "mapType", value: {} }],
    ["an optional value", { case: "optionalType", value: {} }],
  ])("an input that is %s", (kind, value) => {
    expect(refusal(fileOf({ input: [{ name: "x", type: { value } }] }))).toMatchObject({
      message: `Only tensors can be inputs and outputs of a graph, and this is ${kind}.`,
      where: 'model.onnx, value "x"',
    });
  });

  test("an input without a shape, or without a type", () => {
    const type = { value: { case: "tensorType" as const, value: { elemType: 1 } } };
    expect(refusal(fileOf({ input: [{ name: "x", type }] })).message).toMatch(/does not state the shape of this input/);
    expect(refusal(fileOf({ input: [{ name: "x" }] })).message).toMatch(/and this is of no type/);
  });

  test("nodes out of order are sorted, others keep their order", () => {
    const [a, b, c] = [node("Relu", ["x"], ["a"]), node("Neg", ["a"], ["b"]), node("Add", ["a", "b"], ["y"])];
    expect(readOnnx(modelOf([c, b, a])).nodes).toEqual([a, b, c]);
    const other = node("Abs", ["x"], ["d"]);
    expect(readOnnx(modelOf([a, other, b, c])).nodes).toEqual([a, other, b, c]);
  });

  test("a node whose subgraph takes a value comes after that value", () => {
    const inner = readOnnx(modelOf([node("Relu", ["late"], ["y"])], { inputs: [{ name: "late", type: "float32", shape: [2] }] }));
    const branch = node("If", ["x"], ["y"], { then_branch: { kind: "graph", value: { ...inner, inputs: [] } } });
    const late = node("Neg", ["x"], ["late"]);
    expect(readOnnx(modelOf([branch, late])).nodes).toEqual([late, branch]);
    expect(refusal(modelOf([branch])).message).toMatch(/takes "late", which nothing gives/);
  });

  test.each([
    [
      "a circle",
      [node("Add", ["x", "b"], ["a"]), node("Neg", ["a"], ["b"]), node("Neg", ["b"], ["y"])],
      /Add "Add of x,b" waits, directly or not, for its own result/,
    ],
    ["a name that nothing gives", [node("Neg", ["z"], ["y"])], /Neg "Neg of z" takes "z", which nothing gives/],
    ["an output that nothing gives", [node("Neg", ["x"], ["z"])], /output "y", which nothing gives/],
    ["a name that two nodes give", [node("Neg", ["x"], ["y"]), node("Abs", ["x"], ["y"])], /gives the value "y" twice/],
    ["a node that gives an input", [node("Neg", ["x"], ["x", "y"])], /gives the value "x" twice/],
  ])("%s", (_, nodes, message) => {
    expect(refusal(modelOf(nodes)).message).toMatch(message);
  });

  test("two initialisers of one name", () => {
    const tensor = { name: "w", dims: [1n], dataType: 1, rawData: new Uint8Array(4) };
    expect(refusal(fileOf({ initializer: [tensor, tensor] })).message).toMatch(/two initialisers have the same name/);
  });

  test("initialisers among the inputs, as old files have them, are no inputs", () => {
    const graph = smallModel();
    const bytes = writeOnnx({ ...graph, inputs: [...graph.inputs, { name: "w", type: "float32", shape: [3, 2] }] });
    expect(readOnnx(bytes)).toEqual(graph);
  });
});
