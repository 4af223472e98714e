import { fromBinary } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProto_AttributeType as AttributeType,
  type GraphProto,
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
  TensorProto_DataLocation,
  type ValueInfoProto,
} from "onnx-buf";
import { LimbeckError } from "../../errors.ts";
import type { Attribute, Dim, Graph, Node, Value } from "../graph.ts";
import { arrayTypeOf, elementCount, type Tensor, type TensorData } from "../tensor.ts";
import { elementTypeOfCode } from "./element-types.ts";
import { inOrder } from "./order.ts";

/**
 * Reads an ONNX file. Nodes that are not in topological order are put in one.
 *
 * @param source What to call the file in messages.
 * @throws LimbeckError when the bytes are not an ONNX model, are cut short, or hold what Limbeck can't represent.
 */
export function readOnnx(bytes: Uint8Array, source = "the ONNX model"): Graph {
  const model = decode(bytes, source);
  if (!model.graph) throw notOnnx(source, "it holds no graph");
  const opsets = Object.fromEntries(model.opsetImport.map(({ domain, version }) => [domain === "ai.onnx" ? "" : domain, Number(version)]));
  if (model.graph.node.length > 0 && model.opsetImport.length === 0) throw notOnnx(source, "it names no operator set");
  if (model.functions.length > 0) {
    throw new LimbeckError("The model defines functions of its own, which are not supported.", {
      where: source,
      hint: "Inline them first (onnx.inliner.inline_local_functions).",
    });
  }
  const metadata = Object.fromEntries(model.metadataProps.map(({ key, value }) => [key, value]));
  return inOrder(readGraph(model.graph, opsets, source, metadata), source);
}

function decode(bytes: Uint8Array, source: string) {
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw notOnnx(source, cause instanceof Error ? cause.message : "it cannot be decoded", cause);
  }
}

function notOnnx(source: string, why: string, cause?: unknown): LimbeckError {
  return new LimbeckError(`Not a readable ONNX model: ${why}.`, {
    where: source,
    hint: "Check that the file is complete and really is an .onnx file.",
    cause,
  });
}

function readGraph(proto: GraphProto, opsets: Graph["opsets"], source: string, metadata: Graph["metadata"]): Graph {
  const initializers = new Map(proto.initializer.map((tensor) => [tensor.name, readTensor(tensor, source)]));
  if (initializers.size !== proto.initializer.length) throw notOnnx(source, "two initialisers have the same name");
  if (proto.sparseInitializer.length > 0) throw new LimbeckError("Sparse initialisers are not supported.", { where: source });
  return {
    name: proto.name,
    opsets,
    // Before IR version 4 initialisers were listed among the inputs too.
    inputs: proto.input.filter(({ name }) => !initializers.has(name)).map((value) => readValue(value, source)),
    outputs: proto.output.map((value) => readValue(value, source)),
    nodes: proto.node.map((node, index) => readNode(node, index, opsets, source)),
    initializers,
    metadata,
  };
}

function readValue(proto: ValueInfoProto, source: string): Value {
  const where = `${source}, value "${proto.name}"`;
  const type = proto.type?.value;
  if (type?.case !== "tensorType") throw new LimbeckError("Only tensors can be inputs and outputs of a graph.", { where });
  const dims = type.value.shape?.dim;
  if (!dims) {
    throw new LimbeckError("The model does not state the shape of this input or output.", {
      where,
      hint: "Run onnx.shape_inference.infer_shapes on it first.",
    });
  }
  const shape = dims.map(({ value }, axis): Dim => {
    // Some exporters write -1 for a size that is known only at run time.
    if (value.case === "dimValue" && value.value >= 0) return Number(value.value);
    return value.case === "dimParam" && value.value !== "" ? value.value : `${proto.name}_${axis}`;
  });
  return { name: proto.name, type: elementTypeOfCode(type.value.elemType, where), shape };
}

function readNode(proto: NodeProto, index: number, opsets: Graph["opsets"], source: string): Node {
  const name = proto.name || `${proto.opType}_${index}`;
  const where = `${source}, node "${name}"`;
  return {
    op: proto.opType,
    domain: proto.domain === "ai.onnx" ? "" : proto.domain,
    name,
    inputs: proto.input,
    outputs: proto.output,
    attributes: Object.fromEntries(proto.attribute.map((attribute) => [attribute.name, readAttribute(attribute, opsets, where)])),
  };
}

const text = new TextDecoder();

function readAttribute(proto: AttributeProto, opsets: Graph["opsets"], where: string): Attribute {
  switch (proto.type) {
    case AttributeType.FLOAT:
      return { kind: "float", value: proto.f };
    case AttributeType.INT:
      return { kind: "int", value: Number(proto.i) };
    case AttributeType.STRING:
      return { kind: "string", value: text.decode(proto.s) };
    case AttributeType.FLOATS:
      return { kind: "floats", value: proto.floats };
    case AttributeType.INTS:
      return { kind: "ints", value: proto.ints.map(Number) };
    case AttributeType.STRINGS:
      return { kind: "strings", value: proto.strings.map((bytes) => text.decode(bytes)) };
    case AttributeType.TENSOR:
      if (proto.t) return { kind: "tensor", value: readTensor(proto.t, where) };
      break;
    case AttributeType.GRAPH:
      if (proto.g) return { kind: "graph", value: readGraph(proto.g, opsets, where, {}) };
  }
  throw new LimbeckError(`Attribute "${proto.name}" is of a kind that is not supported.`, { where });
}

function readTensor(proto: TensorProto, source: string): Tensor {
  const where = `${source}, tensor "${proto.name}"`;
  const type = elementTypeOfCode(proto.dataType, where);
  const shape = proto.dims.map(Number);
  const count = elementCount(shape);
  if (![...shape, count].every((size) => size >= 0 && Number.isSafeInteger(size)))
    throw notOnnx(where, `its shape [${shape.join(", ")}] makes no sense`);
  if (proto.dataLocation === TensorProto_DataLocation.EXTERNAL) {
    throw new LimbeckError("Weights in a separate file are not supported.", { where, hint: "Save the model as one file." });
  }
  const data = type === "string" ? proto.stringData.map((bytes) => text.decode(bytes)) : numericData(proto, type, where);
  if (data.length !== count) throw notOnnx(where, `it should hold ${count} elements but holds ${data.length}`);
  return { type, shape, data };
}

function numericData(proto: TensorProto, type: Exclude<Tensor["type"], "string">, where: string): TensorData {
  const ArrayType = arrayTypeOf(type);
  const raw = proto.rawData;
  if (raw.length > 0) {
    if (raw.length % ArrayType.BYTES_PER_ELEMENT !== 0) throw notOnnx(where, `${raw.length} bytes do not divide into ${type} elements`);
    // A copy of its own: the bytes may lie unaligned, or in a Buffer that shares its memory with others.
    return new ArrayType(new Uint8Array(raw).buffer);
  }
  switch (type) {
    case "float32":
      return Float32Array.from(proto.floatData);
    case "float64":
      return Float64Array.from(proto.doubleData);
    case "int64":
      return BigInt64Array.from(proto.int64Data);
    case "uint64":
      return BigUint64Array.from(proto.uint64Data);
    case "uint32":
      return Uint32Array.from(proto.uint64Data, Number);
    default:
      return arrayTypeOf(type).from(proto.int32Data);
  }
}
