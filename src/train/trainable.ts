import { LimbeckError } from "../errors.ts";
import { floatAttribute } from "../graph/attributes.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import { inlineGraph } from "../graph/builder/inline.ts";
import { dropoutMask } from "../graph/builder/random.ts";
import { describeNode, type Graph, type Node, type Value } from "../graph/graph.ts";
import { namePattern } from "../graph/name-pattern.ts";
import { canonicalize } from "../graph/rewrite/canonicalize.ts";
import { type Float32Tensor, float32 } from "../graph/tensor.ts";
import { initializerRoles } from "../graph/weights.ts";
import { BlockedNetwork } from "./blocked-network.ts";

/** A network that can be trained: what the optimiser changes, and what training updates by itself. */
export interface Trainable {
  /** In canonical form, as in inference. */
  readonly graph: Graph;
  /** Changed by gradients, by name. */
  readonly parameters: ReadonlyMap<string, Float32Tensor>;
  /** Running averages of batch statistics, by name. */
  readonly buffers: ReadonlyMap<string, Float32Tensor>;
}

/**
 * Makes any model trainable: brings it into canonical form and tells its parameters and buffers, as `initializerRoles` does. A weight that
 * several nodes share stays one parameter. Normalisation that the exporter folded into a convolution is trained as that convolution.
 *
 * @param options.frozen Patterns of names of weights that stay as they are; `*` stands for anything. A batch normalisation whose running
 * averages are frozen goes by them in training too.
 * @param options.trained Patterns of the only names that are not frozen.
 * @throws LimbeckError when the model can't be brought into this form, has no weights to train, or lacks a name in `frozen` or `trained`.
 */
export function trainable(
  model: Graph,
  { frozen = [], trained: only }: Partial<Record<"frozen" | "trained", readonly string[]>> = {},
): Trainable {
  const graph = canonicalize(model);
  const roles = initializerRoles(graph);
  const names = [...roles.parameters, ...roles.buffers];
  const where = `graph "${graph.name}"`;
  for (const [key, patterns] of Object.entries({ frozen, trained: only ?? [] })) {
    const idle = patterns.find((pattern) => !names.some(namePattern(pattern)));
    if (idle === undefined) continue;
    throw new LimbeckError(`"${idle}" in ${key} matches no weight.`, {
      where,
      hint: `The weights are ${names.slice(0, MOST_NAMED).join(", ")}${names.length > MOST_NAMED ? ", ..." : ""}.`,
    });
  }
  const matchesOne = (patterns: readonly string[], name: string) => patterns.some((pattern) => namePattern(pattern)(name));
  const isTrained = (name: string) => (only === undefined || matchesOne(only, name)) && !matchesOne(frozen, name);
  const trained = (of: readonly string[]) =>
    new Map(
      of.flatMap((name): [string, Float32Tensor][] => {
        const tensor = graph.initializers.get(name);
        return tensor?.type === "float32" && isTrained(name) ? [[name, tensor as Float32Tensor]] : [];
      }),
    );
  const parameters = trained(roles.parameters);
  if (parameters.size === 0) {
    throw new LimbeckError("The network has no float32 weights to train.", {
      where,
      hint: frozen.length > 0 ? "Freeze fewer of them." : undefined,
    });
  }
  return { graph, parameters, buffers: trained(roles.buffers) };
}

const MOST_NAMED = 20;

/** The graph with other weights. */
export function withWeights(graph: Graph, weights: ReadonlyMap<string, Float32Tensor>): Graph {
  return {
    ...graph,
    initializers: new Map(Array.from(graph.initializers, ([name, tensor]) => [name, weights.get(name) ?? tensor])),
  };
}

/** ONNX's default for how much of a running average stays at each step; PyTorch calls the rest, 0.1, momentum. */
const STATISTICS_MOMENTUM = 0.9;

/**
 * Emits an inference network in its training form: batch normalisation by batch statistics, dropout active.
 *
 * @param bind The network's inputs and weights, by name.
 * @param seed A scalar that differs from step to step, for dropout.
 * @param options.channelBlock Emits the convolutional part in blocks of so many channels, as ONNX Runtime's CPU kernels want them.
 * @param options.prefix Put before every name of the network, to keep it apart from others in the same builder.
 * @returns The network's values by name, and the new value of each buffer.
 */
export function inlineForTraining(
  g: GraphBuilder,
  graph: Graph,
  bind: ReadonlyMap<string, Value>,
  seed: Value,
  { channelBlock, prefix }: { readonly channelBlock?: number; readonly prefix?: string } = {},
): { readonly values: ReadonlyMap<string, Value>; readonly buffers: ReadonlyMap<string, Value> } {
  const statistics: Statistic[] = [];
  let dropouts = 0;
  const blocked = channelBlock === undefined ? undefined : new BlockedNetwork(g, channelBlock);
  const replace = (node: Node, inputs: readonly (Value | undefined)[]): readonly Value[] | undefined => {
    // In a scope of their own, so that what they emit can't take the name of a later node of the network.
    const inTraining = <T>(emit: () => T): T => g.scope("training", emit);
    if (node.op === "BatchNormalization" && bind.has(node.inputs[3] as string))
      return inTraining(() => normalizeByBatch(g, node, inputs as Value[], statistics, blocked));
    if (node.op === "Dropout") return inTraining(() => [applyDropout(g, node, inputs as Value[], seed, dropouts++)]);
    const value = inTraining(() => blocked?.replace(node, inputs));
    return value && [value];
  };
  const values = inlineGraph(g, graph, { bind, prefix, replace });
  return { values, buffers: g.scope("training", () => runningAverages(g, statistics)) };
}

/** Normalises by the batch's own statistics, which the running averages follow. */
function normalizeByBatch(
  g: GraphBuilder,
  node: Node,
  inputs: readonly Value[],
  statistics: Statistic[],
  blocked: BlockedNetwork | undefined,
): readonly Value[] {
  const [x, scale, bias, oldMean, oldVariance] = inputs as [Value, Value, Value, Value, Value];
  const epsilon = floatAttribute(node, "epsilon", 1e-5);
  const { y, mean, variance } = blocked?.normalize(x, scale, bias, epsilon) ?? g.trainingBatchNormalization(x, scale, bias, epsilon);
  const count = x.shape.reduce<number>((product, size, axis) => (axis === 1 ? product : product * Number(size)), 1);
  const kept = floatAttribute(node, "momentum", STATISTICS_MOMENTUM);
  statistics.push({ name: node.inputs[3] as string, old: oldMean, batch: mean, kept, correction: 1 });
  // The running variance is the unbiased estimate, as in PyTorch.
  statistics.push({ name: node.inputs[4] as string, old: oldVariance, batch: variance, kept, correction: count / Math.max(1, count - 1) });
  return [y];
}

/** What a running average follows, all per channel. */
interface Statistic {
  readonly name: string;
  readonly old: Value;
  readonly batch: Value;
  /** How much of the old stays. */
  readonly kept: number;
  /** Factor of the batch's. */
  readonly correction: number;
}

/** kept·old + (1 − kept)·correction·batch of each, computed together: they are many and small. */
function runningAverages(g: GraphBuilder, statistics: readonly Statistic[]): Map<string, Value> {
  if (statistics.length === 0) return new Map();
  const lengths = statistics.map(({ old }) => old.shape[0] as number);
  const perElement = (factor: (statistic: Statistic) => number) =>
    g.constant(float32(statistics.flatMap((statistic, index) => new Array<number>(lengths[index] as number).fill(factor(statistic)))));
  const together = (values: readonly Value[], factors: Value) => g.mul(g.concat(values, 0), factors);
  const old = together(
    statistics.map((statistic) => statistic.old),
    perElement(({ kept }) => kept),
  );
  const batch = together(
    statistics.map((statistic) => statistic.batch),
    perElement(({ kept, correction }) => (1 - kept) * correction),
  );
  const values = statistics.length === 1 ? [g.add(old, batch)] : g.split(g.add(old, batch), lengths, 0);
  return new Map(statistics.map(({ name }, index) => [name, values[index] as Value]));
}

/** Srivastava et al., 2014: zero with probability `ratio`, scale the rest by 1/(1 − ratio). */
function applyDropout(g: GraphBuilder, node: Node, [x, ratio]: readonly Value[], seed: Value, salt: number): Value {
  const data = x as Value;
  const tensor = ratio && g.constantOf(ratio);
  const probability = tensor ? Number(tensor.data[0]) : 0.5;
  if (!(probability >= 0 && probability < 1)) {
    throw new LimbeckError(`${describeNode(node)} drops with probability ${probability}.`, {
      hint: "Give a probability of at least 0 and below 1.",
    });
  }
  return g.mul(data, dropoutMask(g, seed, data.shape.map(Number), probability, salt));
}
