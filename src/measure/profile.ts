import { LimbeckError } from "../errors.ts";
import { describeNode, type Graph, type Shape, type Value } from "../graph/graph.ts";
import { canonicalize } from "../graph/rewrite/canonicalize.ts";
import { foldConstants } from "../graph/rewrite/fold.ts";
import { bindDimensions, inferShapes, symbolicDimensions } from "../graph/rewrite/infer.ts";
import { pruneDead } from "../graph/rewrite/prune.ts";
import { elementCount } from "../graph/tensor.ts";
import { initializerRoles } from "../graph/weights.ts";
import { type Work, workOf } from "./flops.ts";
import { bytesPerElement, peakActivationBytes } from "./memory.ts";

/** What a network costs, read off its graph: nothing is run. */
export interface Profile extends Work {
  /** Number of trained values: elements of the parameters, as `initializerRoles` tells them; shared ones count once. */
  readonly parameters: number;
  /** Number of running statistics (batch normalisation's mean and variance), which are no parameters. */
  readonly buffers: number;
  /** Bytes of every stored tensor that an output depends on. */
  readonly weightBytes: number;
  /** The most memory that activations take at once, in bytes; see `peakActivationBytes`. */
  readonly peakActivationBytes: number;
  /** Samples that `macs`, `flops` and the memory are for: 1, unless the graph fixes another batch size. */
  readonly batch: number;
  /** In the order in which they run. */
  readonly nodes: readonly NodeProfile[];
  /** By operator, the most FLOPs first. */
  readonly operators: readonly OperatorProfile[];
  /** In the order in which they run. */
  readonly layers: readonly LayerProfile[];
}

export interface NodeProfile extends Work {
  readonly name: string;
  readonly op: string;
  /** Of its first output. */
  readonly shape: Shape;
  /** Of all its outputs. */
  readonly activationBytes: number;
  /** Trained values that this node is the first to take. */
  readonly parameters: number;
}

/** A convolution or matrix product, and what follows it up to the next: normalisation, activation, pooling. */
export interface LayerProfile extends NodeProfile {
  /** Names of its nodes, and of what they give. */
  readonly nodes: readonly string[];
  readonly values: readonly string[];
}

export interface OperatorProfile extends Work {
  readonly op: string;
  readonly count: number;
}

/**
 * Profiles one forward pass of the graph in canonical form. The first axis of the first input, where it is symbolic, is taken to be the
 * batch and set to 1.
 *
 * @param sizes Of other symbolic dimensions, such as a sequence's length, by name.
 * @throws LimbeckError when a dimension is left open, or a node has no shape rule.
 */
export function profileGraph(model: Graph, sizes: Readonly<Record<string, number>> = {}): Profile {
  const graph = canonicalize(model);
  const { initializers } = graph;
  const roles = initializerRoles(graph);
  const count = (names: readonly string[]): number => sum(names, (name) => elementCount(initializers.get(name)?.shape ?? []));
  const concrete = foldConstants(fixSizes(graph, sizes));
  const values = inferShapes(concrete);
  const nodes = profileNodes(concrete, values);
  return {
    parameters: count(roles.parameters),
    buffers: count(roles.buffers),
    weightBytes: sum([...pruneDead(model).initializers.values()], ({ type, shape }) => bytesPerElement(type) * elementCount(shape)),
    peakActivationBytes: peakActivationBytes(concrete, values),
    batch: Number(concrete.inputs[0]?.shape[0] ?? 1),
    ...totalWork(nodes),
    nodes,
    operators: byOperator(nodes),
    layers: byLayer(concrete, nodes),
  };
}

/** The graph with a batch of 1 and every other dimension as given. */
function fixSizes(graph: Graph, sizes: Readonly<Record<string, number>>): Graph {
  const batch = graph.inputs[0]?.shape[0];
  const all = typeof batch === "string" ? { [batch]: 1, ...sizes } : sizes;
  const open = symbolicDimensions(graph).filter((name) => !Object.hasOwn(all, name));
  if (open.length > 0) {
    throw new LimbeckError(
      `The size of ${open.map((name) => `"${name}"`).join(", ")} is open, so the cost of the graph "${graph.name}" is too.`,
      {
        hint: `Give it a size: { ${JSON.stringify(open[0])}: 128 }.`,
      },
    );
  }
  return bindDimensions(graph, all);
}

function profileNodes(graph: Graph, values: ReadonlyMap<string, Value>): readonly NodeProfile[] {
  const parameters = new Set(initializerRoles(graph).parameters);
  return graph.nodes.map((node) => {
    const outputs = node.outputs.flatMap((name) => values.get(name) ?? []);
    for (const { name, shape } of outputs) {
      if (shape.some((size) => typeof size === "string")) {
        throw new LimbeckError(`The size of "${name}" depends on what the graph is fed, so its cost is open.`, {
          where: describeNode(node),
        });
      }
    }
    // Deleted when taken, so that a shared weight counts for its first node only.
    const own = [...new Set(node.inputs)].filter((name) => parameters.delete(name));
    return {
      name: node.name,
      op: node.op,
      shape: outputs[0]?.shape ?? [],
      activationBytes: sum(outputs, ({ type, shape }) => bytesPerElement(type) * elementCount(shape.map(Number))),
      parameters: sum(own, (name) => elementCount(graph.initializers.get(name)?.shape ?? [])),
      ...workOf({ node, inputs: node.inputs.map((name) => values.get(name)), outputs }),
    };
  });
}

function byOperator(nodes: readonly NodeProfile[]): readonly OperatorProfile[] {
  const groups = new Map<string, NodeProfile[]>();
  for (const node of nodes) groups.set(node.op, [...(groups.get(node.op) ?? []), node]);
  return Array.from(groups, ([op, members]) => ({ op, count: members.length, ...totalWork(members) })).sort((a, b) => b.flops - a.flops);
}

function byLayer(graph: Graph, nodes: readonly NodeProfile[]): readonly LayerProfile[] {
  /** The layer that a value belongs to, and the nodes of each. */
  const layerOf = new Map<string, NodeProfile[]>();
  const layers = new Set<NodeProfile[]>();
  const given = new Map(graph.nodes.map(({ name, outputs }) => [name, outputs]));
  graph.nodes.forEach((node, index) => {
    const profile = nodes[index] as NodeProfile;
    const previous = profile.macs > 0 ? undefined : node.inputs.map((name) => layerOf.get(name)).find((layer) => layer);
    if (!previous && profile.flops === 0) return;
    const layer = previous ?? [];
    layer.push(profile);
    layers.add(layer);
    for (const name of node.outputs) layerOf.set(name, layer);
  });
  return Array.from(layers, (members) => ({
    ...(members[0] as NodeProfile),
    ...totalWork(members),
    parameters: sum(members, ({ parameters }) => parameters),
    activationBytes: sum(members, ({ activationBytes }) => activationBytes),
    nodes: members.map(({ name }) => name),
    values: members.flatMap(({ name }) => given.get(name) ?? []),
  }));
}

const totalWork = (parts: readonly Work[]): Work => ({ macs: sum(parts, ({ macs }) => macs), flops: sum(parts, ({ flops }) => flops) });

function sum<T>(items: readonly T[], amount: (item: T) => number): number {
  return items.reduce((total, item) => total + amount(item), 0);
}
