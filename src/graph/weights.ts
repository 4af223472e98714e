import type { Graph } from "./graph.ts";
import { pruneDead } from "./rewrite/prune.ts";
import type { ElementType, Tensor } from "./tensor.ts";

/** Names of a graph's initialisers by what they are for, each in the graph's order. */
export interface InitializerRoles {
  /** What training changes. */
  readonly parameters: readonly string[];
  /** Running statistics: what training keeps up to date without a gradient. */
  readonly buffers: readonly string[];
  /** Everything else that an output depends on: scalars, shapes, axes, integer tables. */
  readonly constants: readonly string[];
}

const FLOATS = new Set<ElementType>(["float32", "float64", "float16", "bfloat16"]);

/** A float tensor with at least one axis: a weight, unless its use says otherwise. Float scalars are constants of the architecture. */
export function isWeight({ type, shape }: Tensor): boolean {
  return FLOATS.has(type) && shape.length > 0;
}

/**
 * Tells a graph's initialisers apart. ONNX doesn't say which of them are weights, so this is the rule: mean and variance of a
 * BatchNormalization (its inputs 3 and 4) are buffers; any other float tensor with at least one axis is a parameter; the rest are constants.
 * Initialisers that no output depends on are none of these.
 */
export function initializerRoles(graph: Graph): InitializerRoles {
  const { nodes, initializers } = pruneDead(graph);
  const statistics = new Set(nodes.flatMap(({ op, inputs }) => (op === "BatchNormalization" ? inputs.slice(3, 5) : [])));
  const roles = { parameters: [] as string[], buffers: [] as string[], constants: [] as string[] };
  for (const [name, tensor] of initializers) {
    (statistics.has(name) ? roles.buffers : isWeight(tensor) ? roles.parameters : roles.constants).push(name);
  }
  return roles;
}
