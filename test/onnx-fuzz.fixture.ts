import { fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProto_AttributeType as AttributeType,
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
  TensorProto_DataLocation,
} from "onnx-buf";
import { randomFor } from "../src/random.ts";

/** Choices that follow from one number. */
interface Chooser {
  /** A whole number from 0, below `end`. */
  below(end: number): number;
  pick<T>(items: readonly T[]): T;
}

function chooser(seed: number): Chooser {
  const random = randomFor(seed);
  const below = (end: number): number => random.integer(0, Math.max(0, Math.ceil(end) - 1));
  return { below, pick: (items) => items[below(items.length)] as (typeof items)[number] };
}

/** The file with one to three things wrong. Every fifth is damaged as bytes, and mostly no model any more; the others are well-formed. */
export function mutated(original: Uint8Array, seed: number): Uint8Array {
  const choose = chooser(seed);
  // A copy, because what is decoded shares memory with what it is decoded from, as do slices of a Buffer.
  const bytes = Uint8Array.from(original);
  if (choose.below(5) === 0) return inBytes(bytes, choose);
  let current = bytes;
  for (let left = choose.pick([1, 1, 1, 2, 3]); left > 0; left--) current = inMessage(current, choose);
  return current;
}

/** Bytes flipped, cut, doubled, put in; lengths made longer. */
function inBytes(bytes: Uint8Array<ArrayBuffer>, choose: Chooser): Uint8Array<ArrayBuffer> {
  const at = choose.below(bytes.length);
  const length = choose.below(64);
  const spliced = (...middle: number[]) =>
    Uint8Array.from(Buffer.concat([bytes.subarray(0, at), Uint8Array.from(middle), bytes.subarray(at + length)]));
  switch (choose.below(6)) {
    case 0:
      return bytes.slice(0, at);
    case 1:
      return spliced();
    case 2:
      return spliced(...bytes.subarray(at, at + length), ...bytes.subarray(at, at + length));
    case 3:
      // A number of ten bytes, which as a length reaches far beyond the end.
      return spliced(0xff, 0xff, 0xff, 0xff, choose.below(128));
    default: {
      const changed = bytes.slice();
      for (let left = choose.below(4); left >= 0; left--) changed[choose.below(bytes.length)] = choose.below(256);
      return changed;
    }
  }
}

/** The message with another content, and well-formed; as it was where it is none, or the change can't be written. */
function inMessage(bytes: Uint8Array<ArrayBuffer>, choose: Chooser): Uint8Array<ArrayBuffer> {
  try {
    const model = fromBinary(ModelProtoSchema, bytes);
    choose.pick(changes)(model, choose);
    return Uint8Array.from(toBinary(ModelProtoSchema, model));
  } catch {
    return bytes;
  }
}

type Change = (model: ModelProto, choose: Chooser) => void;

const BIG = [
  0n,
  1n,
  -1n,
  2n,
  -2n,
  7n,
  255n,
  2n ** 16n,
  2n ** 31n - 1n,
  -(2n ** 31n),
  2n ** 31n,
  2n ** 40n,
  2n ** 53n,
  2n ** 63n - 1n,
  -(2n ** 63n),
];
const NUMBERS = [0, -0, 1, -1, 0.5, 1e-45, 3e38, -3e38, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** 31 - 1];
const OPERATORS = (
  "Add Mul Div Pow MatMul Gemm Conv ConvTranspose MaxPool AveragePool GlobalAveragePool LpPool Resize Upsample Pad Slice Gather GatherND " +
  "GatherElements ScatterND ScatterElements Concat Split Squeeze Unsqueeze Reshape Flatten Transpose Expand Tile ConstantOfShape Range Shape " +
  "Size Constant Cast Clip Where Softmax ReduceSum ReduceMean ReduceMax ArgMax TopK CumSum Einsum LSTM GRU RNN Attention BatchNormalization " +
  "LayerNormalization InstanceNormalization GroupNormalization RMSNormalization LpNormalization Dropout Trilu OneHot NonZero EyeLike " +
  "DepthToSpace SpaceToDepth QuantizeLinear DequantizeLinear If Loop Scan SequenceAt SequenceEmpty SequenceInsert SplitToSequence " +
  "ConcatFromSequence SequenceLength Identity Not Less Equal RandomNormal RandomUniformLike Bernoulli RotaryEmbedding HardSigmoid Gelu " +
  "BiasGelu SkipLayerNormalization EmbedLayerNormalization FusedMatMul MultiHeadAttention Unique Compress toString constructor __proto__"
).split(" ");
const LOCATIONS = ["../up.bin", "/secret", "C:\\secret", "weights.bin", "", "a/../../b", "nowhere.bin"];

/** Every graph of a model, from the outside in. */
function graphsOf(model: ModelProto): GraphProto[] {
  const graphs = model.graph ? [model.graph] : [];
  // The list grows while it is walked.
  for (const { node } of graphs) for (const { attribute } of node) for (const { g } of attribute) if (g) graphs.push(g);
  return graphs;
}

const nodesOf = (model: ModelProto): NodeProto[] => [
  ...graphsOf(model).flatMap(({ node }) => node),
  ...model.functions.flatMap(({ node }) => node),
];
const attributesOf = (model: ModelProto): AttributeProto[] => nodesOf(model).flatMap(({ attribute }) => attribute);
const tensorsOf = (model: ModelProto): TensorProto[] => [
  ...graphsOf(model).flatMap(({ initializer }) => initializer),
  ...attributesOf(model).flatMap(({ t }) => t ?? []),
];
const namesOf = (model: ModelProto): string[] => [
  ...nodesOf(model).flatMap(({ input, output }) => [...input, ...output]),
  ...graphsOf(model).flatMap(({ initializer, input }) => [...initializer, ...input].map(({ name }) => name)),
  "",
  "nothing",
];

/** An array with entries removed, doubled, exchanged or replaced. */
function shake<T>(list: T[], replacement: () => T, choose: Chooser): void {
  const at = choose.below(list.length);
  switch (choose.below(6)) {
    case 0:
      list.splice(at, 1 + choose.below(3));
      break;
    case 1:
      if (list.length > 0) list.push(list[at] as T);
      break;
    case 2:
      list.reverse();
      break;
    case 3:
      list.splice(at, 0, ...Array.from({ length: 1 + choose.below(3) }, replacement));
      break;
    default:
      if (list.length > 0) list[at] = replacement();
  }
}

const inNode: Change = (model, choose) => {
  const nodes = nodesOf(model);
  const node = choose.pick(nodes);
  const names = namesOf(model);
  switch (choose.below(6)) {
    case 0:
      node.opType = choose.pick(OPERATORS);
      break;
    case 1:
      node.domain = choose.pick(["", "com.microsoft", "ai.onnx", "my.functions", "constructor"]);
      break;
    case 2:
      shake(node.output, () => choose.pick(names), choose);
      break;
    case 3:
      shake(node.attribute, () => choose.pick(attributesOf(model)), choose);
      break;
    default:
      // A name from anywhere: circles, missing values, values of other types and shapes.
      shake(node.input, () => choose.pick(names), choose);
  }
};

const inGraph: Change = (model, choose) => {
  const graphs = graphsOf(model);
  const graph = choose.pick(graphs);
  switch (choose.below(6)) {
    case 0:
      shake(graph.node, () => choose.pick(nodesOf(model)), choose);
      break;
    case 1:
      shake(graph.initializer, () => choose.pick(tensorsOf(model)), choose);
      break;
    case 2:
      shake(graph.input, () => choose.pick([...graph.input, ...graph.output]), choose);
      break;
    case 3:
      shake(graph.output, () => choose.pick([...graph.input, ...graph.output]), choose);
      break;
    case 4:
      shake(model.opsetImport, () => choose.pick(model.opsetImport), choose);
      break;
    default:
      if (model.opsetImport.length > 0) choose.pick(model.opsetImport).version = choose.pick([...BIG, 6n, 9n, 11n, 13n, 18n, 23n, 24n]);
  }
};

const inAttribute: Change = (model, choose) => {
  const attribute = choose.pick(attributesOf(model));
  switch (choose.below(9)) {
    case 0:
      attribute.name = choose.pick(attributesOf(model)).name;
      break;
    case 1:
      attribute.type = choose.below(16);
      break;
    case 2:
      attribute.f = choose.pick(NUMBERS);
      break;
    case 3:
      shake(attribute.floats, () => choose.pick(NUMBERS), choose);
      break;
    case 4:
      attribute.s = choose.pick([new Uint8Array(0), Uint8Array.of(255, 254), new TextEncoder().encode("SAME_UPPER")]);
      break;
    case 5:
      if (choose.below(4) === 0) attribute.refAttrName = choose.pick(["alpha", "missing"]);
      break;
    case 6:
      shake(attribute.ints, () => choose.pick(BIG), choose);
      break;
    default:
      if (attribute.ints.length > 0) attribute.ints[choose.below(attribute.ints.length)] = choose.pick(BIG);
      else attribute.i = choose.pick(BIG);
  }
};

const inTensor: Change = (model, choose) => {
  const tensor = choose.pick(tensorsOf(model));
  switch (choose.below(7)) {
    case 0:
      tensor.dataType = choose.below(30);
      break;
    case 1:
      shake(tensor.dims, () => choose.pick(BIG), choose);
      break;
    case 2:
      tensor.rawData = tensor.rawData.slice(choose.below(9));
      break;
    case 3:
      tensor.dataLocation = TensorProto_DataLocation.EXTERNAL;
      tensor.externalData = [
        { key: "location", value: choose.pick(LOCATIONS) },
        { key: "offset", value: String(choose.pick(BIG)) },
        { key: "length", value: String(choose.pick(BIG)) },
      ] as typeof tensor.externalData;
      break;
    case 4:
      // Shapes, axes, sizes and counts with other numbers in them.
      tensor.rawData = Uint8Array.from(tensor.rawData, (byte) => (choose.below(8) === 0 ? choose.below(256) : byte));
      break;
    default: {
      const view = new DataView(tensor.rawData.buffer, tensor.rawData.byteOffset, tensor.rawData.byteLength);
      if (view.byteLength >= 8) view.setBigInt64(8 * choose.below(view.byteLength / 8), choose.pick(BIG), true);
    }
  }
};

const inValue: Change = (model, choose) => {
  const graph = choose.pick(graphsOf(model));
  const type = choose.pick([...graph.input, ...graph.output]).type;
  if (type?.value.case !== "tensorType") return;
  const tensor = type.value.value;
  const dims = tensor.shape?.dim ?? [];
  switch (choose.below(5)) {
    case 0:
      tensor.elemType = choose.below(30);
      break;
    case 1:
      tensor.shape = undefined;
      break;
    case 2:
      shake(dims, () => choose.pick(dims), choose);
      break;
    default:
      if (dims.length > 0) choose.pick(dims).value = { case: "dimValue", value: choose.pick(BIG) };
  }
};

/** Graphs within graphs, deeper and deeper; attributes likewise. */
const nested: Change = (model, choose) => {
  if (!model.graph) return;
  const depth = choose.pick([3, 20, 34, 100, 400]);
  let { graph } = model;
  for (let level = 0; level < depth; level++) {
    const attribute = { name: choose.pick(["then_branch", "body", "else_branch"]), type: AttributeType.GRAPH, g: graph } as AttributeProto;
    const node = { ...(graph.node[0] as NodeProto), opType: choose.pick(["If", "Loop"]), attribute: [attribute] };
    graph = { ...graph, node: [node] };
  }
  model.graph = graph;
};

const changes: readonly Change[] = [
  inNode,
  inNode,
  inNode,
  inGraph,
  inAttribute,
  inAttribute,
  inAttribute,
  inTensor,
  inTensor,
  inTensor,
  inValue,
  nested,
];
