import { LimbeckError } from "../../errors.ts";
import { floatAttribute, int, intAttribute } from "../attributes.ts";
import { type Graph, type Node, takenBy } from "../graph.ts";
import type { Float32Tensor, Tensor } from "../tensor.ts";
import { pruneDead } from "./prune.ts";
import { int8Of, int32Of, type Quantization, type Range, uint8Of } from "./quantize-tensors.ts";
import { freshNames } from "./splice.ts";

/** Operators that give, in 8 bits, what they give of numbers in 8 bits. */
const PASSING = new Set([
  ...["Add", "Concat", "AveragePool", "GlobalAveragePool", "MaxPool"],
  ...["Flatten", "Reshape", "Squeeze", "Transpose", "Unsqueeze"],
]);
/** What runtimes do while they round. */
const CLIPPING = new Set(["Clip", "Relu"]);
const isOneOf = (operators: ReadonlySet<string>, node: Node): boolean => node.domain === "" && operators.has(node.op);

/**
 * Names of the activations that `quantize` holds in 8 bits, in the graph's order: what products with stored weights take, what convolutions
 * give, and what sums, pools and changes of layout make of these. Products that give outputs of the graph stay in float32.
 *
 * @param graph In canonical form, with BatchNormalization folded (`batchNormAsConv`) and weights transposed as they are used.
 */
export function quantizable(graph: Graph): readonly string[] {
  const { taken, given } = planned(graph);
  const values = [...graph.inputs.map(({ name }) => name), ...graph.nodes.flatMap((node) => node.outputs)];
  return values.filter((name) => taken.has(name) || given.has(name));
}

/** Which activations are in 8 bits. */
interface Plan {
  /** What products with stored weights take. */
  readonly taken: ReadonlySet<string>;
  /** What is made in 8 bits: by convolutions, and by what passes 8 bits on. */
  readonly given: ReadonlySet<string>;
}

function planned(graph: Graph): Plan {
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const users = usersOf(graph);
  /** Where rounding happens: after the ReLU. */
  const settled = (name: string): string => {
    const [user, ...others] = users.get(name) ?? [];
    return user && others.length === 0 && !outputs.has(name) && isOneOf(CLIPPING, user) ? (user.outputs[0] as string) : name;
  };
  const products = graph.nodes.filter((node) => isProduct(node, graph));
  const taken = new Set(products.map(({ inputs }) => inputs[0] as string));
  const given = new Set(products.flatMap(({ op, outputs: [y = ""] }) => (op === "Conv" ? [settled(y)] : [])));
  for (const node of graph.nodes) {
    if (isOneOf(PASSING, node) && passed(node, graph).every((name) => taken.has(name) || given.has(name)))
      given.add(settled(node.outputs[0] as string));
  }
  return { taken, given };
}

/** The activations among a node's inputs, where all others are shapes and axes. */
const passed = (node: Node, graph: Graph): readonly string[] =>
  node.inputs.filter((name) => name !== "" && graph.initializers.get(name)?.type !== "int64");

/** Whether a node is a product with a stored weight, and doesn't give an output of the graph. */
function isProduct(node: Node, graph: Graph): boolean {
  return weightAxis(node, graph) !== undefined && !graph.outputs.some(({ name }) => node.outputs.includes(name));
}

/**
 * The graph in 8 bits (static post-training quantisation; Jacob et al., 2017, arXiv:1712.05877): activations in uint8 by the range in which they were seen,
 * weights in int8 with a scale for each channel of the output, biases in int32. It is said in pairs of QuantizeLinear and DequantizeLinear, which
 * runtimes join with the operators between them; the graph's inputs and outputs stay float32.
 *
 * Integer products are exact on processors with instructions for them (VNNI on x86, dot products on ARM); older ones of x86 saturate some sums.
 *
 * @param ranges Of each value of `quantizable(graph)`.
 * @throws LimbeckError when a range is missing or not finite.
 */
export function quantize(graph: Graph, ranges: ReadonlyMap<string, Range>): Graph {
  const plan = planned(graph);
  const held = new Map(quantizable(graph).map((name) => [name, uint8Of(rangeOf(name, ranges))]));
  const writer = writerFor(graph, plan, held);
  for (const { name } of graph.inputs) writer.hold(name, name);
  for (const node of graph.nodes) writer.write(node);
  return pruneDead({ ...graph, nodes: writer.nodes, initializers: writer.initializers });
}

/** The axis of a product's stored weight that becomes channels of its output; `undefined` for other nodes. */
function weightAxis(node: Node, graph: Graph): number | undefined {
  const [x = "", weight = ""] = node.inputs;
  const stored = graph.initializers.get(weight);
  if (node.domain !== "" || stored?.type !== "float32" || graph.initializers.has(x)) return undefined;
  if (node.op === "Conv") return 0;
  if (node.op === "MatMul" && stored.shape.length === 2) return 1;
  const isPlain = intAttribute(node, "transA", 0) === 0 && ["alpha", "beta"].every((name) => floatAttribute(node, name, 1) === 1);
  return node.op === "Gemm" && isPlain ? 1 - intAttribute(node, "transB", 0) : undefined;
}

function usersOf(graph: Graph): ReadonlyMap<string, readonly Node[]> {
  const users = new Map<string, Node[]>();
  for (const node of graph.nodes) for (const name of takenBy(node)) users.set(name, [...(users.get(name) ?? []), node]);
  return users;
}

function rangeOf(name: string, ranges: ReadonlyMap<string, Range>): Range {
  const range = ranges.get(name);
  if (range && Number.isFinite(range.min) && Number.isFinite(range.max)) return range;
  throw new LimbeckError(`The range of "${name}" is ${range ? `${range.min} to ${range.max}` : "not known"}.`, {
    hint: "Quantise a network whose activations are finite on the samples that it is calibrated with.",
  });
}

/** What the graph is written anew into. */
function output(graph: Graph) {
  const fresh = freshNames(graph);
  const nodes: Node[] = [];
  const initializers = new Map(graph.initializers);
  const emit = (op: string, inputs: readonly string[], output: string, axis?: number): string => {
    nodes.push({
      op,
      domain: "",
      name: fresh(`${output}/${op}`),
      inputs,
      outputs: [output],
      attributes: axis === undefined ? {} : { axis: int(axis) },
    });
    return output;
  };
  const store = (wish: string, tensor: Tensor): string => {
    const name = fresh(wish);
    initializers.set(name, tensor);
    return name;
  };
  const dequantized = (wish: string, values: Tensor, scale: Tensor, zeroPoint: Tensor | undefined, axis: number): string => {
    const stored = [store(`${wish}/${values.type}`, values), store(`${wish}/scale`, scale)];
    const inputs = zeroPoint ? [...stored, store(`${wish}/zero_point`, zeroPoint)] : stored;
    return emit("DequantizeLinear", inputs, fresh(`${wish}/dequantized`), axis);
  };
  return { fresh, nodes, initializers, emit, store, dequantized };
}

/** Writes the graph anew, node by node. */
function writerFor(graph: Graph, { given }: Plan, held: ReadonlyMap<string, Quantization>) {
  const { fresh, nodes, initializers, emit, store, dequantized } = output(graph);
  const renamed = new Map<string, string>();
  /** Rounds what is held in 8 bits. What is made in 8 bits is rounded for everyone, anything else for who works in 8 bits. */
  const hold = (name: string, float: string): void => {
    const quantization = held.get(name);
    if (!quantization) return;
    const settings = [store(`${name}/scale`, quantization.scale), store(`${name}/zero_point`, quantization.zeroPoint)];
    const rounded = emit("QuantizeLinear", [float, ...settings], fresh(`${name}/uint8`));
    const output = name === float ? fresh(`${name}/dequantized`) : name;
    emit("DequantizeLinear", [rounded, ...settings], output);
    if (output !== name) renamed.set(name, output);
  };
  /** A product with its weight, and its bias, in integers. */
  const inIntegers = (node: Node, input: Quantization): readonly string[] => {
    const axis = weightAxis(node, graph) as number;
    const [x = "", weight = "", bias = ""] = node.inputs;
    const stored = graph.initializers.get(bias);
    const b = stored?.type === "float32" && stored.shape.length === 1 ? (stored as Float32Tensor) : undefined;
    // So that the bias, in steps of input·weight, fits 31 bits.
    const smallest = (place: number) => Math.abs(b?.data[place] ?? 0) / Number(input.scale.data[0]) / 2 ** 30;
    const w = int8Of(graph.initializers.get(weight) as Float32Tensor, axis, smallest);
    const inputs = [renamed.get(x) ?? x, dequantized(weight, w.values, w.scale, w.zeroPoint, axis)];
    if (!b) return [...inputs, ...node.inputs.slice(2)];
    const { values, scale } = int32Of(b, input, w);
    return [...inputs, dequantized(bias, values, scale, undefined, 0)];
  };
  const write = (node: Node): void => {
    const input = isProduct(node, graph) ? held.get(node.inputs[0] as string) : undefined;
    const isPassing = isOneOf(PASSING, node) && passed(node, graph).every((name) => held.has(name));
    const inputs = input ? inIntegers(node, input) : isPassing ? node.inputs.map((name) => renamed.get(name) ?? name) : node.inputs;
    const outputs = node.outputs.map((name) => (given.has(name) ? fresh(`${name}/float32`) : name));
    nodes.push({ ...node, inputs, outputs });
    for (const [index, name] of node.outputs.entries()) hold(name, outputs[index] as string);
  };
  return { nodes, initializers, hold, write };
}
