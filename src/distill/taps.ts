import { type Graph, type Node, type Shape, takenBy, type Value } from "../graph/graph.ts";
import { canonicalize } from "../graph/rewrite/canonicalize.ts";
import { inferShapes } from "../graph/rewrite/infer.ts";
import { LOGITS } from "../nn/layers.ts";
import { attentionParts } from "./attention-taps.ts";

/** A value inside a network that a teacher can hint a student with. */
export interface Tap {
  /** Name of the tensor. */
  readonly name: string;
  readonly shape: Shape;
  /** The operator that gives it, and the name of its node. */
  readonly op: string;
  readonly node: string;
  /** What the network's structure says it is: `stage2`, `block3`, `attention3`, `last`, `pooled`, `output`. */
  readonly aliases: readonly string[];
}

/**
 * The float activations of a network, in the order in which they are computed, with aliases for those that hints are usually taken from:
 *
 * - `stage1`, `stage2`, ...: the last feature map [N, C, H, W] at each resolution; a stem of one convolution is no stage.
 * - `embeddings`: what enters the first block of a transformer; `block1`, ...: what each block hands on, [N, T, D]; `attention1`, ...: its
 *   attention probabilities; `scores1`, ...: what the softmax made them of; `query1`, `key1`, `value1`, ...: what those were made of, [N, T, D].
 * - `last`: the last feature map or tokens; `pooled`: the features [N, D] that enter the last layer, or that the network gives; `logits` or
 *   `output`: the first output.
 * - `mlm`: scores of the words that may stand at each token, [N, T, vocabulary].
 *
 * Where a value is called by one of these names, that is the one.
 */
export function listTaps(model: Graph): readonly Tap[] {
  const graph = canonicalize(model);
  const activations = activationsOf(graph);
  const aliases = new Map<string, string>([
    ...stages(graph, activations),
    ...transformerBlocks(graph, activations),
    ...ends(graph, activations),
    // What the network itself calls by such a name comes last, and so holds.
    ...activations.flatMap(({ value: { name } }): [string, string][] => (ALIAS.test(name) ? [[name, name]] : [])),
  ]);
  return activations.map(({ value: { name, shape }, node }) => ({
    name,
    shape,
    op: node.op,
    node: node.name,
    aliases: [...aliases].filter(([, target]) => target === name).map(([alias]) => alias),
  }));
}

const ALIAS = /^((stage|block|attention|scores|query|key|value)\d+|embeddings|last|pooled|logits|mlm)$/;

interface Activation {
  readonly value: Value;
  readonly node: Node;
}

/** Float values that depend on an input, with the nodes that give them. */
function activationsOf(graph: Graph): readonly Activation[] {
  const values = inferShapes(graph);
  const dependent = new Set(graph.inputs.map(({ name }) => name));
  return graph.nodes.flatMap((node): Activation[] => {
    if (!takenBy(node).some((name) => dependent.has(name))) return [];
    return node.outputs.flatMap((name) => {
      const value = values.get(name);
      if (!value) return [];
      dependent.add(name);
      return value.type === "float32" && value.shape.length > 1 ? [{ value, node }] : [];
    });
  });
}

/** Runs of feature maps of one resolution. A resolution that only comes back (squeeze and excitation, a decoder) begins no new one. */
function stages(graph: Graph, activations: readonly Activation[]): readonly [string, string][] {
  const runs = new Map<string, Activation[]>();
  for (const activation of activations) {
    const { shape } = activation.value;
    const resolution = shape.slice(2).join("×");
    if (shape.length === 4 && resolution !== "1×1") runs.set(resolution, [...(runs.get(resolution) ?? []), activation]);
  }
  const convolutions = (run: readonly Activation[] = []): number => run.filter(({ node }) => node.op === "Conv").length;
  const found = [...runs.values()].filter((run) => convolutions(run) > 0);
  const hasStem = convolutions(found[0]) === 1 && convolutions(found[1]) > 1;
  const cuts = cutsOf(graph, activations);
  const ends: string[] = [];
  let widest = Number.POSITIVE_INFINITY;
  for (const run of found.slice(hasStem ? 1 : 0).reverse()) {
    // What a shortcut leads around is inside of a block.
    const outside = run.filter(({ value }) => cuts.has(value.name));
    const candidates = outside.length > 0 ? outside : run;
    // An inverted bottleneck widens the maps before it halves the resolution: its wide maps are no stage's end.
    const { value } = candidates.findLast((activation) => Number(activation.value.shape[1]) <= widest) ?? (candidates.at(-1) as Activation);
    widest = Math.min(...candidates.map((activation) => Number(activation.value.shape[1])));
    ends.push(value.name);
  }
  return ends.reverse().map((name, index) => [`stage${index + 1}`, name]);
}

/** Names of the activations that every path from input to output passes through. */
function cutsOf(graph: Graph, activations: readonly Activation[]): ReadonlySet<string> {
  const lastUse = new Map<string, number>();
  graph.nodes.forEach((node, index) => {
    // Asking for a size takes nothing of what flows.
    if (node.op !== "Shape") for (const name of takenBy(node)) lastUse.set(name, index);
  });
  const places = new Map(graph.nodes.map((node, index) => [node, index]));
  const cuts = new Set<string>();
  let furthest = Math.max(-1, ...graph.inputs.map(({ name }) => lastUse.get(name) ?? -1));
  for (const { value, node } of activations) {
    if (furthest <= (places.get(node) as number)) cuts.add(value.name);
    furthest = Math.max(furthest, lastUse.get(value.name) ?? -1);
  }
  return cuts;
}

/** Attention is a softmax over pairs of tokens; a block ends with the last sum of two activations before the next block's attention. */
function transformerBlocks(graph: Graph, activations: readonly Activation[]): readonly [string, string][] {
  const values = new Map(activations.map(({ value }) => [value.name, value]));
  const found: [string, string][] = [];
  let blocks = 0;
  let end: string | undefined;
  const before = new Set<string>();
  const finish = () => {
    if (blocks > 0 && end !== undefined) found.push([`block${blocks}`, end]);
    end = undefined;
  };
  for (const { value, node } of activations) {
    const isAttention = node.op === "Softmax" && value.shape.length >= 3 && feedsMatMul(graph, value.name);
    if (isAttention) {
      finish();
      blocks++;
      found.push([`attention${blocks}`, value.name]);
      found.push(...attentionParts(graph, value.name, values).map(([part, name]): [string, string] => [`${part}${blocks}`, name]));
    } else if (
      node.op === "Add" &&
      value.shape.length >= 3 &&
      node.inputs.every((name) => values.has(name)) &&
      !isScore(graph, value.name)
    ) {
      // The first sum adds what came into the block.
      const entry = blocks === 1 && end === undefined ? node.inputs.find((name) => before.has(name)) : undefined;
      if (entry !== undefined) found.push(["embeddings", entry]);
      end = normalised(graph, value.name);
    }
    if (blocks === 0) before.add(value.name);
  }
  finish();
  return found;
}

const takers = (graph: Graph, name: string): readonly Node[] => graph.nodes.filter(({ inputs }) => inputs.includes(name));

/** Directly, or through Dropout and the like. */
function feedsMatMul(graph: Graph, name: string): boolean {
  return takers(graph, name).some(({ op, outputs }) => op === "MatMul" || (PASSING.has(op) && feedsMatMul(graph, outputs[0] as string)));
}

const PASSING = new Set(["Cast", "Dropout", "Identity", "Reshape", "Where"]);

/** Attention adds its mask to the scores of tokens before the softmax. */
const isScore = (graph: Graph, name: string): boolean => takers(graph, name).every(({ op }) => op === "Softmax");

/** In a post-norm transformer, what the normalisation makes of the sum is what goes on. */
function normalised(graph: Graph, sum: string): string {
  const [taker, ...others] = takers(graph, sum);
  if (taker?.op === "LayerNormalization" && others.length === 0) return taker.outputs[0] as string;
  return normalisedInParts(graph, sum) ?? sum;
}

/** As exporters write it for operator sets before 17: (x − mean(x))/√(...)·weight + bias. */
function normalisedInParts(graph: Graph, sum: string): string | undefined {
  const all = takers(graph, sum);
  if (!all.every(({ op }) => op === "ReduceMean" || op === "Sub")) return undefined;
  let node = all.find(({ op }) => op === "Sub");
  for (const op of ["Div", "Mul", "Add"]) node = node && takers(graph, node.outputs[0] as string).find((taker) => taker.op === op);
  return node?.outputs[0];
}

function ends(graph: Graph, activations: readonly Activation[]): readonly [string, string][] {
  const logits = graph.outputs[0]?.name ?? "";
  const last = activations.findLast(
    ({ value: { name, shape } }) => name !== logits && shape.length > 2 && !shape.slice(2).every((size) => size === 1),
  );
  const head = activations.findLast(({ node }) => ["Gemm", "MatMul", "Conv"].includes(node.op));
  const pooled = activations.find(({ value: { name, shape } }) => name === head?.node.inputs[0] && shape.length === 2);
  // A network of sentence embeddings ends in what it pools.
  const embedding =
    head && head.value.shape.length > 2
      ? activations.find(({ value: { name, shape } }) => name === logits && shape.length === 2)
      : undefined;
  const words = graph.outputs[0]?.name === LOGITS && graph.outputs[0].shape.length === 3 ? logits : undefined;
  return Object.entries({ last: last?.value.name, pooled: (pooled ?? embedding)?.value.name, logits, output: logits, mlm: words }).flatMap(
    ([alias, name]): [string, string][] => (name === undefined ? [] : [[alias, name]]),
  );
}
