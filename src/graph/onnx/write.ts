import { create, toBinary } from "@bufbuild/protobuf";
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  type GraphProto,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProtoSchema,
  ValueInfoProtoSchema,
} from "onnx-buf";
import type { Attribute, Graph, Node, Value } from "../graph.ts";
import { type Tensor, toInt64 } from "../tensor.ts";
import { codeOfElementType } from "./element-types.ts";
import { PROTOBUF_LIMIT, tooLarge } from "./limits.ts";

/** The file format version that goes with the operator sets written here. */
const IR_VERSION = 10n;

/**
 * The graph as the bytes of an ONNX file. The same graph always gives the same bytes.
 *
 * @throws LimbeckError when it is more than one file can hold: 2 GB.
 */
export function writeOnnx(graph: Graph): Uint8Array {
  if (tensorBytes(graph) > PROTOBUF_LIMIT) throw tooLarge(`graph "${graph.name}"`);
  const bytes = encoded(graph);
  if (bytes.length > PROTOBUF_LIMIT) throw tooLarge(`graph "${graph.name}"`);
  return bytes;
}

/** Counted before any of it is copied. */
function tensorBytes(graph: Graph): number {
  const bytesOf = ({ type, data }: Tensor): number => (type === "string" ? 0 : (data as Float32Array).byteLength);
  let total = 0;
  for (const tensor of graph.initializers.values()) total += bytesOf(tensor);
  for (const { attributes } of graph.nodes) {
    for (const attribute of Object.values(attributes)) {
      if (attribute.kind === "tensor") total += bytesOf(attribute.value);
      if (attribute.kind === "graph") total += tensorBytes(attribute.value);
    }
  }
  return total;
}

function encoded(graph: Graph): Uint8Array {
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: IR_VERSION,
      producerName: "limbeck",
      opsetImport: Object.entries(graph.opsets).map(([domain, version]) => ({ domain, version: BigInt(version) })),
      metadataProps: Object.entries(graph.metadata).map(([key, value]) => ({ key, value })),
      graph: writeGraph(graph),
    }),
  );
}

function writeGraph(graph: Graph): GraphProto {
  return create(GraphProtoSchema, {
    name: graph.name || "graph",
    node: graph.nodes.map(writeNode),
    initializer: Array.from(graph.initializers, ([name, tensor]) => writeTensor(tensor, name)),
    input: graph.inputs.map(writeValue),
    output: graph.outputs.map(writeValue),
    valueInfo: validValueInfo(graph).map(writeValue),
  });
}

function validValueInfo({ valueInfo, inputs, nodes, initializers }: Graph): readonly Value[] {
  const isValid = valueInfo?.inputs === inputs && valueInfo.nodes === nodes && valueInfo.initializers === initializers;
  return isValid ? valueInfo.values : [];
}

function writeValue({ name, type, shape, unstated }: Value) {
  if (unstated === "type") return create(ValueInfoProtoSchema, { name });
  const dim = shape.map((size) =>
    typeof size === "number"
      ? { value: { case: "dimValue" as const, value: BigInt(size) } }
      : { value: { case: "dimParam" as const, value: size } },
  );
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: "tensorType", value: { elemType: codeOfElementType(type), shape: unstated ? undefined : { dim } } } },
  });
}

function writeNode(node: Node) {
  const [op = "", ...overload] = node.op.split(":");
  return create(NodeProtoSchema, {
    name: node.name,
    opType: op,
    overload: overload.join(":"),
    domain: node.domain,
    input: [...node.inputs],
    output: [...node.outputs],
    attribute: Object.entries(node.attributes).map(([name, attribute]) => writeAttribute(name, attribute)),
  });
}

const text = new TextEncoder();

function writeAttribute(name: string, attribute: Attribute) {
  return create(AttributeProtoSchema, { name, ...attributeFields(attribute) });
}

function attributeFields(attribute: Attribute) {
  switch (attribute.kind) {
    case "float":
      return { type: AttributeType.FLOAT, f: attribute.value };
    case "int":
      return { type: AttributeType.INT, i: toInt64(attribute.value) };
    case "string":
      return { type: AttributeType.STRING, s: text.encode(attribute.value) };
    case "floats":
      return { type: AttributeType.FLOATS, floats: [...attribute.value] };
    case "ints":
      return { type: AttributeType.INTS, ints: attribute.value.map(toInt64) };
    case "strings":
      return { type: AttributeType.STRINGS, strings: attribute.value.map((value) => text.encode(value)) };
    case "tensor":
      return { type: AttributeType.TENSOR, t: writeTensor(attribute.value, "") };
    case "graph":
      return { type: AttributeType.GRAPH, g: writeGraph(attribute.value) };
  }
}

function writeTensor(tensor: Tensor, name: string) {
  const header = { name, dims: tensor.shape.map(BigInt), dataType: codeOfElementType(tensor.type) };
  if (tensor.type === "string") {
    return create(TensorProtoSchema, { ...header, stringData: (tensor.data as readonly string[]).map((value) => text.encode(value)) });
  }
  const { buffer, byteOffset, byteLength } = tensor.data as Float32Array;
  return create(TensorProtoSchema, { ...header, rawData: new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength) });
}
