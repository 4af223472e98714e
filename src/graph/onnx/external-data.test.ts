import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType as AttributeType,
  ModelProtoSchema,
  TensorProto_DataLocation,
  type TensorProtoSchema,
} from "onnx-buf";
import { describe, expect, test } from "vitest";
import { externalFiles, withExternalData } from "./external-data.ts";
import { readOnnx } from "./read.ts";

type TensorInit = MessageInitShape<typeof TensorProtoSchema>;

/** A tensor of `count` floats in another file. */
function external(name: string, count: number, place: Record<string, string>): TensorInit {
  return {
    name,
    dims: [BigInt(count)],
    dataType: 1,
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: Object.entries(place).map(([key, value]) => ({ key, value })),
  };
}

function model(...initializer: TensorInit[]): Uint8Array {
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, { irVersion: 10n, opsetImport: [{ version: 21n }], docString: "kept", graph: { initializer } }),
  );
}

const weights = Float32Array.of(1, 2, 3, 4, 5);
const files = new Map([
  ["weights.bin", new Uint8Array(weights.buffer)],
  ["more/other.bin", new Uint8Array(Float32Array.of(-1).buffer)],
]);
const good = model(
  external("all", 5, { location: "weights.bin" }),
  external("some", 2, { location: "weights.bin", offset: "4", length: "8", checksum: "of anything" }),
  external("rest", 1, { location: "weights.bin", offset: "16" }),
  external("none", 0, { location: "weights.bin", offset: "20", length: "0" }),
  external("other", 1, { location: "more/other.bin", offset: "0", length: "4" }),
);

describe("weights in other files", () => {
  test("are read from where the model says", () => {
    expect(externalFiles(good)).toEqual(["weights.bin", "more/other.bin"]);
    const { initializers } = readOnnx(good, "m.onnx", { files });
    expect(Array.from(initializers.values(), ({ data }) => [...(data as Float32Array)])).toEqual([[1, 2, 3, 4, 5], [2, 3], [5], [], [-1]]);
  });

  test("are put into one file, which is otherwise the same", () => {
    const whole = withExternalData(good, files);
    expect(externalFiles(whole)).toEqual([]);
    expect(readOnnx(whole)).toEqual(readOnnx(good, "m.onnx", { files }));
    expect(fromBinary(ModelProtoSchema, whole).docString).toBe("kept");
    expect(withExternalData(whole, new Map())).toBe(whole);
  });

  test("are found in attributes, in subgraphs and in functions", () => {
    const constant = (name: string) => ({
      opType: "Constant",
      output: [name],
      attribute: [{ name: "value", type: AttributeType.TENSOR, t: external(name, 1, { location: `${name}.bin` }) }],
    });
    const branch = { name: "b", type: AttributeType.GRAPH, g: { node: [constant("inside")] } };
    const bytes = toBinary(
      ModelProtoSchema,
      create(ModelProtoSchema, {
        graph: { node: [constant("attribute"), { opType: "If", attribute: [branch] }] },
        functions: [{ name: "f", node: [constant("function")] }],
      }),
    );
    expect(externalFiles(bytes)).toEqual(["attribute.bin", "inside.bin", "function.bin"]);
  });

  test.each<[string, Record<string, string>, RegExp]>([
    ["not given", { location: "elsewhere.bin" }, /lie in another file, "elsewhere.bin", which was not given/],
    ["cut short", { location: "weights.bin", offset: "8", length: "16" }, /ends before these weights do: it has 20 bytes, they end at 24/],
    ["that begin after the end", { location: "weights.bin", offset: "999999999999999" }, /ends before/],
    ["of another size", { location: "weights.bin", offset: "4" }, /should hold 2 elements but holds 4/],
    ["at no number", { location: "weights.bin", offset: "-4" }, /offset "-4" of external weights is no number of bytes/],
    ["of endless length", { location: "weights.bin", length: "9".repeat(30) }, /is no number of bytes/],
    ["nowhere", {}, /in "", which is no path/],
  ])("%s are refused", (_, place, message) => {
    const refusal = expect.objectContaining({ name: "LimbeckError", message: expect.stringMatching(message), where: 'm.onnx, tensor "w"' });
    expect(() => readOnnx(model(external("w", 2, place)), "m.onnx", { files })).toThrow(refusal);
    if (!/should hold/.test(message.source))
      expect(() => withExternalData(model(external("w", 2, place)), files, "m.onnx")).toThrow(refusal);
  });

  test.each(["../secret", "a/../../secret", "/secret", "C:\\secret", "c:secret", "\\\\server\\share", "a\\..\\..\\b", "a\0b"])(
    "the location %j is never followed",
    (location) => {
      const bytes = model(external("w", 1, { location }));
      const refusal = expect.objectContaining({ name: "LimbeckError", message: expect.stringMatching(/^Weights lie in/) });
      expect(() => externalFiles(bytes)).toThrow(refusal);
      expect(() => readOnnx(bytes, "m.onnx", { files: new Map([[location, new Uint8Array(4)]]) })).toThrow(refusal);
    },
  );
});
