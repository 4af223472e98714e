import {
  type AttributeProto,
  AttributeProto_AttributeType as AttributeType,
  type FunctionProto,
  type GraphProto,
  type NodeProto,
  type OperatorSetIdProto,
  type TensorProto,
  type ValueInfoProto,
} from "onnx-buf";
import { LimbeckError } from "../../errors.ts";
import type { Attribute, Attributes, Dim, Graph, Node, Value, ValueInfo } from "../graph.ts";
import { statedOutputs } from "../rewrite/infer.ts";
import type { Tensor } from "../tensor.ts";
import { decodeModel, decodeText, notOnnx } from "./decode.ts";
import { elementTypeOfCode } from "./element-types.ts";
import type { ExternalFiles } from "./external-data.ts";
import { functionKey, inlineFunctions, type LocalFunction, type LocalFunctions } from "./functions.ts";
import { MOST_AXES, MOST_OPERANDS } from "./limits.ts";
import { inOrder } from "./order.ts";
import { readTensor } from "./read-tensor.ts";

export interface ReadOptions {
  /** The files that hold the model's weights, where it is not one file (see `externalFiles`). */
  readonly files?: ExternalFiles;
}

/**
 * Reads an ONNX file, of any operator set. Nodes that are not in topological order are put in one; functions that the model defines are
 * inlined. An output whose type or shape the file doesn't state gets the inferred one, where it can be inferred.
 *
 * @param source What to call the file in messages.
 * @throws LimbeckError when the bytes are not an ONNX model, are cut short, or hold what Limbeck can't represent.
 */
export function readOnnx(bytes: Uint8Array, source = "the ONNX model", { files = new Map() }: ReadOptions = {}): Graph {
  const model = decodeModel(bytes, source);
  if (!model.graph) throw notOnnx(source, "it holds no graph");
  const { node, input, initializer, output } = model.graph;
  if ([node, input, initializer, output].every(({ length }) => length === 0)) throw notOnnx(source, "its graph is empty");
  if (model.graph.node.length > 0 && model.opsetImport.length === 0) throw notOnnx(source, "it names no operator set");
  const opsets = opsetsOf(model.opsetImport, source);
  for (const { name, opsetImport } of model.functions) addOpsets(opsets, opsetImport, `${source}, function "${name}"`);
  const reading: Reading = { opsets, files, tensors: new Map() };
  const functions: LocalFunctions = new Map(model.functions.map((proto) => localFunction(proto, reading, source)));
  const metadata = Object.fromEntries(model.metadataProps.map(({ key, value }) => [key, value]));
  const graph = inOrder(inlineFunctions(readGraph(model.graph, reading, source, metadata), functions, source), source);
  return statedOutputs({ ...graph, valueInfo: readValueInfo(model.graph, graph, source) });
}

/** Of values that no node of the graph gives, and of what is no tensor, nothing is kept. */
function readValueInfo({ valueInfo }: GraphProto, { inputs, nodes, initializers }: Graph, source: string): ValueInfo | undefined {
  const given = new Set(nodes.flatMap(({ outputs }) => outputs));
  const values = valueInfo.filter(({ name }) => given.delete(name)).map((proto) => readValue(proto, true, source));
  const stated = values.filter(({ unstated }) => unstated === undefined);
  return stated.length > 0 ? { values: stated, inputs, nodes, initializers } : undefined;
}

/** What is the same for all of a model. */
interface Reading {
  readonly opsets: Readonly<Record<string, number>>;
  readonly files: ExternalFiles;
  /** Tensors read before: a function's are the same in every call. */
  readonly tensors: Map<TensorProto, Tensor>;
  /** Within a function: the attributes of the call. */
  readonly called?: Attributes;
}

const domainOf = (domain: string): string => (domain === "ai.onnx" ? "" : domain);

function opsetsOf(imports: readonly OperatorSetIdProto[], where: string): Record<string, number> {
  return Object.fromEntries(
    imports.map(({ domain, version }) => {
      if (version < 1 || version > 2 ** 31) throw notOnnx(where, `it names version ${version} of an operator set`);
      return [domainOf(domain), Number(version)];
    }),
  );
}

/** Adds the operator sets that a function names. @throws LimbeckError when it needs another version than the rest of the model. */
function addOpsets(opsets: Record<string, number>, imports: readonly OperatorSetIdProto[], where: string): void {
  for (const [domain, version] of Object.entries(opsetsOf(imports, where))) {
    const used = Object.hasOwn(opsets, domain) ? opsets[domain] : undefined;
    if (used !== undefined && used !== version) {
      throw new LimbeckError(`The function uses version ${version} of the operator set "${domain || "ai.onnx"}", the model ${used}.`, {
        where,
        hint: "Inline the functions first (onnx.inliner.inline_local_functions with convert_version).",
      });
    }
    opsets[domain] = version;
  }
}

function localFunction(proto: FunctionProto, reading: Reading, source: string): [string, LocalFunction] {
  const where = `${source}, function "${proto.name}"`;
  const defaults = (): Attributes => readAttributes(proto.attributeProto, reading, where);
  return [
    functionKey({ domain: domainOf(proto.domain), op: operatorName(proto.name, proto.overload) }),
    {
      inputs: proto.input,
      outputs: proto.output,
      nodesFor: (attributes) =>
        proto.node.map((node, index) => readNode(node, index, { ...reading, called: { ...defaults(), ...attributes } }, where)),
    },
  ];
}

/** One name per overload of a function. */
const operatorName = (name: string, overload: string): string => (overload ? `${name}:${overload}` : name);

function readGraph(proto: GraphProto, reading: Reading, where: string, metadata?: Graph["metadata"]): Graph {
  const initializers = new Map(proto.initializer.map((tensor) => [tensor.name, readTensorOnce(tensor, reading, where)]));
  if (initializers.size !== proto.initializer.length) throw notOnnx(where, "two initialisers have the same name");
  if (proto.sparseInitializer.length > 0) throw new LimbeckError("Sparse initialisers are not supported.", { where });
  const isMain = metadata !== undefined;
  return {
    name: proto.name,
    opsets: reading.opsets,
    // Before IR version 4 initialisers were listed among the inputs too.
    inputs: proto.input.filter(({ name }) => !initializers.has(name)).map((value) => readValue(value, !isMain, where)),
    outputs: proto.output.map((value) => readValue(value, true, where)),
    nodes: proto.node.map((node, index) => readNode(node, index, reading, where)),
    initializers,
    metadata: metadata ?? {},
  };
}

/** @param mayBeOpen Whether type and shape may be left for inference to find. */
function readValue({ name, type: proto }: ValueInfoProto, mayBeOpen: boolean, source: string): Value {
  const where = `${source}, value "${name}"`;
  const type = proto?.value;
  if (mayBeOpen && (type?.case !== "tensorType" || type.value.elemType === 0))
    return { name, type: "float32", shape: [], unstated: "type" };
  if (type?.case !== "tensorType") {
    throw new LimbeckError(
      `Only tensors can be inputs and outputs of a graph, and this is ${type?.case ? kindsOfType[type.case] : "of no type"}.`,
      {
        where,
      },
    );
  }
  const elements = elementTypeOfCode(type.value.elemType, where);
  const dims = type.value.shape?.dim;
  if (!dims) {
    if (mayBeOpen) return { name, type: elements, shape: [], unstated: "shape" };
    throw new LimbeckError("The model does not state the shape of this input.", {
      where,
      hint: "Export it with example inputs, or state the shape with onnx.helper.make_tensor_value_info.",
    });
  }
  if (dims.length > MOST_AXES) throw notOnnx(where, `it has ${dims.length} axes`);
  const shape = dims.map(({ value }, axis): Dim => {
    // Some exporters write -1 for a size that is known only at run time.
    if (value.case === "dimValue" && value.value >= 0) {
      const size = Number(value.value);
      if (!Number.isSafeInteger(size)) throw notOnnx(where, `its shape holds a size of ${value.value}`);
      return size;
    }
    return value.case === "dimParam" && value.value !== "" ? value.value : `${name}_${axis}`;
  });
  return { name, type: elements, shape };
}

const kindsOfType = {
  sequenceType: "a sequence",
  mapType: "a map",
  optionalType: "an optional value",
  sparseTensorType: "a sparse tensor",
} as const;

function readNode(proto: NodeProto, index: number, reading: Reading, source: string): Node {
  const { opType, overload, domain, input, output, attribute } = proto;
  const name = proto.name || `${opType}_${index}`;
  const where = `${source}, node "${name}"`;
  // Rules stand in tables by operator; what every object has (`toString`) must not be taken for one.
  for (const word of [opType, domain]) if (word in Object.prototype) throw notOnnx(where, `no operator is called "${word}"`);
  if (input.length > MOST_OPERANDS || output.length > MOST_OPERANDS)
    throw new LimbeckError(`The node has more than ${MOST_OPERANDS} inputs or outputs.`, { where });
  return {
    op: operatorName(opType, overload),
    domain: domainOf(domain),
    name,
    inputs: input,
    outputs: output,
    attributes: readAttributes(attribute, reading, where),
  };
}

function readAttributes(protos: readonly AttributeProto[], reading: Reading, where: string): Attributes {
  return Object.fromEntries(
    protos.flatMap((proto): [string, Attribute][] => {
      const attribute = proto.refAttrName ? referredTo(proto, reading, where) : readAttribute(proto, reading, where);
      return attribute ? [[proto.name, attribute]] : [];
    }),
  );
}

/** The attribute of the function's call that one of its nodes refers to; none where the call leaves it out. */
function referredTo({ name, refAttrName }: AttributeProto, { called }: Reading, where: string): Attribute | undefined {
  if (!called) throw new LimbeckError(`Attribute "${name}" refers to one of a function, but the node is in none.`, { where });
  return Object.hasOwn(called, refAttrName) ? called[refAttrName] : undefined;
}

function readAttribute(proto: AttributeProto, reading: Reading, where: string): Attribute {
  switch (proto.type) {
    case AttributeType.FLOAT:
      return { kind: "float", value: proto.f };
    case AttributeType.INT:
      return { kind: "int", value: Number(proto.i) };
    case AttributeType.STRING:
      return { kind: "string", value: decodeText(proto.s, where) };
    case AttributeType.FLOATS:
      return { kind: "floats", value: proto.floats };
    case AttributeType.INTS:
      return { kind: "ints", value: proto.ints.map(Number) };
    case AttributeType.STRINGS:
      return { kind: "strings", value: proto.strings.map((bytes) => decodeText(bytes, where)) };
    case AttributeType.TENSOR:
      if (proto.t) return { kind: "tensor", value: readTensorOnce(proto.t, reading, where) };
      break;
    case AttributeType.GRAPH:
      if (proto.g) return { kind: "graph", value: readGraph(proto.g, reading, where) };
  }
  throw new LimbeckError(`Attribute "${proto.name}" is of a kind that is not supported: ${AttributeType[proto.type] ?? proto.type}.`, {
    where,
  });
}

function readTensorOnce(proto: TensorProto, { tensors, files }: Reading, where: string): Tensor {
  const before = tensors.get(proto);
  if (before) return before;
  const tensor = readTensor(proto, files, where);
  tensors.set(proto, tensor);
  return tensor;
}
