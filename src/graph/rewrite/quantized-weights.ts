import { int, intAttribute } from "../attributes.ts";
import { type Graph, givenBy, type Node } from "../graph.ts";
import { codeOfElementType } from "../onnx/element-types.ts";
import type { ValueType } from "../shapes/rule.ts";
import { type ElementType, elementCount, type Float32Tensor, float32, type Tensor, toNumbers } from "../tensor.ts";
import { propagate } from "./propagate.ts";

/** What QuantizeLinear can give. */
const QUANTIZED = new Set<ElementType>(["int8", "uint8", "int16", "uint16"]);

/** A scale or zero point for each channel has no more elements than this. */
const SCALES = 2 ** 14;
const isScale = (_: unknown, { shape }: ValueType): boolean => elementCount(shape.map(Number)) <= SCALES;

/**
 * The graph with weights that are stored in integers stored in float32 instead, and rounded to the same integers as it runs: training
 * then moves the float weights, through the rounding (quantisation-aware training). Biases in int32 become plain float32. Names stay.
 */
export function quantizedWeights(graph: Graph): Graph {
  const isStored = ({ op, domain, inputs: [name = ""] }: Node) =>
    op === "DequantizeLinear" && domain === "" && graph.initializers.has(name);
  if (!graph.nodes.some(isStored)) return graph;
  // Scales may be written as constants, and cast.
  const { constants } = propagate(graph, isScale);
  const names = new Set(givenBy(graph));
  const initializers = new Map(graph.initializers);
  const quantizers = new Map<string, Node>();
  const nodes = graph.nodes.flatMap((node): Node[] => {
    const [name = "", scaleName = "", zeroPointName = ""] = node.inputs;
    const [stored, scale] = [graph.initializers.get(name), constants.get(scaleName)];
    if (!isStored(node) || !stored || scale?.type !== "float32") return [node];
    const weight = dequantized(node, stored, scale, constants.get(zeroPointName));
    if (!weight) return [node];
    initializers.set(name, weight);
    if (!QUANTIZED.has(stored.type)) return [{ ...node, op: "Identity", inputs: [name], attributes: {} }];
    const known = quantizers.get(name);
    const quantizer = known ?? quantizerOf(node, stored.type, unused(names, `${name}/quantized`));
    quantizers.set(name, quantizer);
    return [...(known ? [] : [quantizer]), { ...node, inputs: [quantizer.outputs[0] as string, ...node.inputs.slice(1)] }];
  });
  return nodes.every((node, index) => node === graph.nodes[index]) ? graph : { ...graph, nodes, initializers };
}

/** (q − zero point)·scale, per tensor, per slice along an axis, or per block; `undefined` for types without such a meaning here. */
function dequantized(node: Node, stored: Tensor, scale: Tensor, zeroPoint: Tensor | undefined): Float32Tensor | undefined {
  if (!QUANTIZED.has(stored.type) && stored.type !== "int32") return undefined;
  const rank = stored.shape.length;
  const given = intAttribute(node, "axis", 1);
  const axis = given < 0 ? given + rank : given;
  const size = stored.shape[axis] ?? 1;
  const inner = elementCount(stored.shape.slice(axis + 1));
  const blocks = scale.shape.length === rank && rank > 0 ? (scale.shape[axis] ?? 1) : 1;
  const isBlocked = intAttribute(node, "block_size", 0) > 0;
  const [scales, zeros] = [toNumbers(scale), zeroPoint ? toNumbers(zeroPoint) : [0]];
  const place = (index: number): number => {
    if (scales.length === 1) return 0;
    const along = Math.floor(index / inner) % size;
    if (!isBlocked) return along;
    const outer = Math.floor(index / (inner * size));
    return (outer * blocks + Math.floor(along / intAttribute(node, "block_size", 1))) * inner + (index % inner);
  };
  const data = Float32Array.from(toNumbers(stored), (element, index) => {
    const at = place(index);
    return (element - (zeros[at] ?? zeros[0] ?? 0)) * (scales[at] as number);
  });
  return float32(data, stored.shape);
}

function quantizerOf(node: Node, type: ElementType, output: string): Node {
  // The zero point says the type; without one the attribute must.
  const attributes = node.inputs[2] ? node.attributes : { ...node.attributes, output_dtype: int(codeOfElementType(type)) };
  return { ...node, op: "QuantizeLinear", name: output, outputs: [output], attributes };
}

function unused(names: Set<string>, base: string): string {
  let name = base;
  for (let count = 1; names.has(name); count++) name = `${base}_${count}`;
  names.add(name);
  return name;
}
