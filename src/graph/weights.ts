import type { Graph, Node } from "./graph.ts";
import { pruneDead } from "./rewrite/prune.ts";
import { type ElementType, elementCount, type Tensor, toNumbers } from "./tensor.ts";

/** Names of a graph's initialisers by what they are for, each in the graph's order. */
export interface InitializerRoles {
  /** What training changes. */
  readonly parameters: readonly string[];
  /** Running statistics: what training keeps up to date without a gradient. */
  readonly buffers: readonly string[];
  /** Everything else that an output depends on: scalars, shapes, axes, masks, scales of interpolation and quantisation. */
  readonly constants: readonly string[];
}

const FLOATS = new Set<ElementType>(["float32", "float64", "float16", "bfloat16"]);

/** A float tensor with at least one axis: a weight, unless its use says otherwise. Float scalars are constants of the architecture. */
export function isWeight({ type, shape }: Tensor): boolean {
  return FLOATS.has(type) && shape.length > 0;
}

/** Inputs by which an operator is told what to do, not what to do it with. */
const settings: Readonly<Record<string, readonly number[]>> = {
  Clip: [1, 2],
  DequantizeLinear: [1, 2],
  Dropout: [1, 2],
  OneHot: [1, 2],
  Pad: [2],
  QuantizeLinear: [1, 2],
  Range: [0, 1, 2],
  Resize: [1, 2, 3],
};

/**
 * Tells a graph's initialisers apart. ONNX doesn't say which of them are weights, so this is the rule: mean and variance of a
 * BatchNormalization (its inputs 3 and 4) are buffers; any other float tensor with at least one axis is a parameter, unless it only sets an
 * operator (the scales of a Resize), is a mask of attention, or is one number that several products share; the rest are constants.
 * Initialisers that no output depends on are none of these.
 */
export function initializerRoles(graph: Graph): InitializerRoles {
  const { nodes, initializers, outputs } = pruneDead(graph);
  const statistics = new Set(nodes.flatMap(({ op, inputs }) => (op === "BatchNormalization" ? inputs.slice(3, 5) : [])));
  const worked = new Set([
    ...nodes.flatMap((node) => node.inputs.filter((_, index) => !isSetting(node, index))),
    ...outputs.map(({ name }) => name),
  ]);
  const factors = sharedFactors(nodes);
  const roles = { parameters: [] as string[], buffers: [] as string[], constants: [] as string[] };
  for (const [name, tensor] of initializers) {
    const isParameter = isWeight(tensor) && worked.has(name) && !isMask(tensor) && !(elementCount(tensor.shape) === 1 && factors.has(name));
    (statistics.has(name) ? roles.buffers : isParameter ? roles.parameters : roles.constants).push(name);
  }
  return roles;
}

/** Whether an operator's input says what to do, as scales and bounds do; nothing is to be learned there. */
export function isSetting({ op, domain }: Pick<Node, "op" | "domain">, index: number): boolean {
  return domain === "" && (settings[op]?.includes(index) ?? false);
}

/** Names of what several products, and nothing else, share: of single numbers such as the 1/√d of attention, which exporters store once. */
function sharedFactors(nodes: readonly Node[]): ReadonlySet<string> {
  const products = new Map<string, number>();
  const others = new Set<string>();
  for (const { op, inputs } of nodes) {
    for (const name of inputs) {
      if (op === "Mul" || op === "Div") products.set(name, (products.get(name) ?? 0) + 1);
      else others.add(name);
    }
  }
  return new Set([...products].filter(([name, count]) => count > 1 && !others.has(name)).map(([name]) => name));
}

/** −100 is what Swin's shifted windows add to the scores of pairs that must not see each other; others add more. */
const MASKED = -100;

/** Whether a tensor is what attention adds to its scores: zeros and, somewhere, numbers that drown any score. */
function isMask(tensor: Tensor): boolean {
  const elements = tensor.type === "float32" ? (tensor.data as Float32Array) : toNumbers(tensor);
  let masked = false;
  for (const element of elements) {
    if (element !== 0 && !(element <= MASKED)) return false;
    masked ||= element !== 0;
  }
  return masked;
}
