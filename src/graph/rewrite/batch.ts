import { LimbeckError } from "../../errors.ts";
import { int } from "../attributes.ts";
import { type Attributes, describeNode, type Graph, type Node, OPSET, takenBy, type Value } from "../graph.ts";
import type { ValueType } from "../shapes/rule.ts";
import { multiply, symbolsOf } from "../shapes/symbolic.ts";
import { elementCount, int64, type Tensor } from "../tensor.ts";
import { elementwiseRules } from "./batch/elementwise.ts";
import { indexingRules } from "./batch/indexing.ts";
import { layoutRules } from "./batch/layout.ts";
import { linearRules } from "./batch/linear.ts";
import { recurrentRules } from "./batch/recurrent.ts";
import { reductionRules } from "./batch/reduction.ts";
import type { BatchContext, BatchForm, BatchRule, Samples } from "./batch/rule.ts";
import { spatialRules } from "./batch/spatial.ts";
import { foldConstants } from "./fold.ts";
import { type Known, propagate } from "./propagate.ts";
import { pruneDead } from "./prune.ts";
import { freshNames } from "./splice.ts";

const rules: Readonly<Record<string, BatchRule>> = {
  ...elementwiseRules,
  ...indexingRules,
  ...layoutRules,
  ...linearRules,
  ...recurrentRules,
  ...reductionRules,
  ...spatialRules,
};

/**
 * The graph for any number of samples, made from one that was exported for a fixed number. Axis 0 of the first input, and of every other
 * whose axis 0 has that size, becomes the open dimension `"N"`; what froze it becomes computed or copied: shapes to reshape and expand to,
 * and what is joined to or combined with each sample. Each sample of a batch gives what it gives alone.
 *
 * @param graph In canonical form (`canonicalize`).
 * @param size The batch that it was exported for; that of the first input unless given.
 * @returns The same graph if its first input's axis 0 is open already.
 * @throws LimbeckError naming the first node that mixes samples, or of which it isn't sure that it doesn't.
 */
export function openBatch(graph: Graph, size?: number): Graph {
  const [first] = graph.inputs;
  const found = first?.shape[0];
  if (typeof found === "string") return graph;
  if (found === undefined || found < 1 || (size !== undefined && found !== size)) {
    const what = found === undefined ? "no batch axis" : `a batch of ${found}, not of ${size ?? "1 or more"}`;
    throw new LimbeckError(`The first input "${first?.name ?? ""}" of the graph "${graph.name}" has ${what}.`, { hint });
  }
  return opened(foldConstants(graph, { keepWeights: true }), found);
}

const hint = "Export the model again with a dynamic batch axis (in PyTorch: dynamic_axes, or dynamic_shapes).";

function opened(graph: Graph, size: number): Graph {
  const opening = startOpening(graph, size);
  const nodes = graph.nodes.flatMap((node) => openNode(node, opening));
  const dimension = openDimension(graph);
  const open = (value: Value): Value => {
    const samples = opening.samples.get(value.name);
    if (!samples) return value;
    if (samples.outer !== 1) throw new LimbeckError(`The output "${value.name}" holds its samples in several blocks.`, { hint });
    return { ...value, shape: value.shape.with(samples.axis, multiply(dimension, samples.each)) };
  };
  if (!graph.outputs.some(({ name }) => opening.samples.has(name)))
    throw new LimbeckError(`No output of the graph "${graph.name}" depends on its first input.`, { hint });
  const outputs = graph.outputs.map((output) => open(opening.known.values.get(output.name) ?? output));
  return pruneDead({
    ...graph,
    inputs: graph.inputs.map(open),
    outputs,
    nodes: [...opening.first, ...nodes],
    initializers: new Map([...graph.initializers, ...opening.added]),
  });
}

/** "N", unless an input uses it for something else. */
function openDimension(graph: Graph): string {
  const taken = new Set(graph.inputs.flatMap(({ shape }) => shape.flatMap(symbolsOf)));
  return ["N", "batch"].find((name) => !taken.has(name)) ?? `N_${taken.size}`;
}

/** A batch being opened. */
interface Opening {
  readonly size: number;
  /** Of the graph for the fixed batch. */
  readonly known: Known;
  readonly samples: Map<string, Samples>;
  readonly used: ReadonlySet<string>;
  readonly producers: ReadonlyMap<string, Node>;
  readonly fresh: (wish: string) => string;
  /** Constants that were added. */
  readonly added: Map<string, Tensor>;
  /** What was repeated for each sample already, by the name of what and where. */
  readonly copies: Map<string, string>;
  /** Nodes that come before all others. */
  readonly first: readonly Node[];
  /** The name of the batch's size, an int64 tensor of one element. */
  readonly batch: string;
}

/** Tensors larger than this are no shapes, axes or sizes. */
const SMALL = 2 ** 10;
const isSmall = (_: unknown, { shape }: ValueType): boolean => elementCount(shape.map(Number)) <= SMALL;

function startOpening(graph: Graph, size: number): Opening {
  const fresh = freshNames(graph);
  const batch = fresh("batch");
  const held = graph.inputs.filter(({ shape }) => shape[0] === size);
  return {
    size,
    known: propagate(graph, isSmall),
    samples: new Map(held.map(({ name }) => [name, { axis: 0, outer: 1, each: 1 }])),
    used: new Set([...graph.nodes.flatMap(takenBy), ...graph.outputs.map(({ name }) => name)]),
    producers: new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const))),
    fresh,
    added: new Map(),
    copies: new Map(),
    first: [nodeOf("Shape", [graph.inputs[0]?.name ?? ""], batch, { start: int(0), end: int(1) })],
    batch,
  };
}

const nodeOf = (op: string, inputs: readonly string[], name: string, attributes: Attributes = {}): Node => ({
  op,
  domain: "",
  name,
  inputs,
  outputs: [name],
  attributes,
});

function openNode(node: Node, opening: Opening): readonly Node[] {
  const { known, samples } = opening;
  if (!takenBy(node).some((name) => samples.has(name))) return [node];
  const before: Node[] = [];
  const form = formOf(node, contextOf(node, opening, before));
  node.outputs.forEach((name, index) => {
    const held = form.outputs[index];
    if (name !== "" && held) samples.set(name, held);
  });
  const unknown = node.outputs.find((name) => samples.has(name) && !known.values.has(name));
  if (unknown !== undefined) throw refusalOf(node, known.problems[0]?.message ?? `the shape of "${unknown}" is not known`);
  const { op = node.op, inputs = node.inputs, attributes = node.attributes } = form;
  return [...before, { ...node, op, inputs, attributes }];
}

function formOf(node: Node, context: BatchContext): BatchForm {
  const key = node.domain ? `${node.domain}:${node.op}` : node.op;
  const rule = Object.hasOwn(rules, key) ? rules[key] : undefined;
  if (!rule) throw refusalOf(node, "there is no rule for it");
  try {
    return rule(context);
  } catch (error) {
    if (!(error instanceof LimbeckError) || error.hint === hint) throw error;
    throw refusalOf(node, error.message);
  }
}

const refusalOf = (node: Node, why: string): LimbeckError =>
  new LimbeckError(`The batch cannot be opened, since ${describeNode(node)} may not keep samples apart: ${why}.`, { hint });

function contextOf(node: Node, opening: Opening, before: Node[]): BatchContext {
  const { known, samples, added, fresh } = opening;
  const store = (name: string, tensor: Tensor): string => {
    const own = fresh(`${node.name}/${name}`);
    added.set(own, tensor);
    return own;
  };
  const emit = (op: string, inputs: readonly string[], attributes?: Attributes): string => {
    const name = fresh(`${node.name}/${op}`);
    before.push(nodeOf(op, inputs, name, attributes));
    return name;
  };
  const nameOf = (index: number) => node.inputs[index] ?? "";
  return {
    node,
    opset: OPSET,
    inputs: node.inputs.map((name) => known.values.get(name)),
    constant: (index) => known.constants.get(nameOf(index)),
    symbolic: (index) => known.symbolic.get(nameOf(index)),
    size: opening.size,
    samples: (index) => samples.get(nameOf(index)),
    repeated: (index, place) => {
      const value = known.values.get(nameOf(index));
      if (!value) throw refusalOf(node, `the shape of "${nameOf(index)}" is not known`);
      const key = [value.name, place.axis, place.each].join();
      const copy = opening.copies.get(key) ?? repeat(value, place, { node, opening, store, emit });
      opening.copies.set(key, copy);
      return copy;
    },
    store,
    emit,
    isUsed: (output) => opening.used.has(node.outputs[output] ?? ""),
    refusal: (why) => refusalOf(node, why),
  };
}

interface Emission {
  readonly node: Node;
  readonly opening: Opening;
  readonly store: (name: string, tensor: Tensor) => string;
  readonly emit: (op: string, inputs: readonly string[], attributes?: Attributes) => string;
}

/** A value that is the same for all samples, once for each along an axis. */
function repeat(value: Value, { axis, outer, each }: Samples, { node, opening, store, emit }: Emission): string {
  const { size, batch } = opening;
  const rank = value.shape.length;
  if (outer !== 1 || value.shape[axis] !== multiply(size, each))
    throw refusalOf(node, `axis ${axis} of "${value.name}" is not the batch's`);
  let one = value.name;
  if (size > 1) {
    if (typeof each !== "number" || !isRepeated(value, axis, opening))
      throw refusalOf(node, `"${value.name}" differs between the samples of the fixed batch`);
    one = emit("Slice", [one, store("start", int64([0])), store("end", int64([each])), store("axis", int64([axis]))]);
  }
  const ones = (count: number) => (count > 0 ? [store("ones", int64(Array.from({ length: count }, () => 1)))] : []);
  const counts = rank === 1 ? batch : emit("Concat", [...ones(axis), batch, ...ones(rank - 1 - axis)], { axis: int(0) });
  return emit(each === 1 ? "Expand" : "Tile", [one, counts]);
}

/** Whether the value is the same for each sample of the fixed batch. */
function isRepeated({ name, shape }: Value, axis: number, { size, known, producers }: Opening): boolean {
  const producer = producers.get(name);
  if (producer?.op === "Expand") {
    const from = known.values.get(producer.inputs[0] ?? "")?.shape;
    return from !== undefined && (from[axis - shape.length + from.length] ?? 1) === 1;
  }
  const constant = known.constants.get(name);
  if (!constant) return false;
  const block = elementCount(constant.shape.slice(axis));
  const one = block / size;
  const { data } = constant;
  return Array.from(data as ArrayLike<unknown>).every((element, index) =>
    Object.is(element, data[index - (index % block) + (index % one)]),
  );
}
