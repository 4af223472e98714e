import { LimbeckError } from "../../../errors.ts";
import { type GraphBuilder, graphBuilder } from "../../builder/builder.ts";
import { describeNode, type Graph, type Node, type Value } from "../../graph.ts";
import type { ValueType } from "../../shapes/rule.ts";
import { elementCount } from "../../tensor.ts";
import { type Known, propagation } from "../propagate.ts";
import { pruneDead } from "../prune.ts";
import { type Body, freshNames, splice } from "../splice.ts";

/** What a decomposition sees of the node it replaces. */
export interface DecompositionContext {
  readonly g: GraphBuilder;
  readonly node: Node;
  /** `undefined` where an optional input is left out. */
  readonly inputs: readonly (Value | undefined)[];
}

/**
 * Emits what a node computes in terms of other operators, and returns its outputs; a shorter list where those that follow aren't given.
 * `undefined` leaves the node as it is.
 */
export type Decomposition = (context: DecompositionContext) => readonly (Value | undefined)[] | undefined;

/** A decomposition of a node whose first `count` inputs must be there. */
export const taking =
  (count: number, decomposition: Decomposition): Decomposition =>
  (context) => {
    for (let index = 0; index < count; index++) if (!context.inputs[index]) throw new LimbeckError(`Its input ${index} is missing.`);
    return decomposition(context);
  };

/** `total` in equal parts. @throws LimbeckError when it doesn't divide. */
export function share(total: number, parts: number): number {
  if (total >= 0 && parts > 0 && Number.isInteger(total / parts)) return total / parts;
  throw new LimbeckError(`${total} does not divide into ${parts} equal parts.`);
}

/** Decompositions by operator; `domain:Operator` outside ONNX's own domain. */
export type Decompositions = Readonly<Record<string, Decomposition>>;

/** Tensors larger than this are no shapes, axes or sizes, so decompositions don't need their elements computed. */
const SMALL = 2 ** 10;
const isSmall = (_: unknown, { shape }: ValueType): boolean => elementCount(shape.map(Number)) <= SMALL;

/**
 * The graph with every node that has a decomposition replaced by it. Values that such a node gives keep their names; what is new is named
 * after the node. Other nodes stay as they are, whether or not their shapes can be inferred.
 *
 * @throws LimbeckError naming the node where the shape of an input of a node to replace is not known, or the decomposition refuses it.
 */
export function replaceNodes(graph: Graph, decompositions: Decompositions): Graph {
  const known = propagation(graph, isSmall);
  const fresh = freshNames(graph);
  const initializers = new Map(graph.initializers);
  const opsets = { ...graph.opsets };
  let isChanged = false;
  const nodes = graph.nodes.flatMap((node): readonly Node[] => {
    const key = node.domain ? `${node.domain}:${node.op}` : node.op;
    const decomposition = Object.hasOwn(decompositions, key) ? decompositions[key] : undefined;
    const body = decomposition && decomposed(node, decomposition, known);
    if (!body) {
      known.visit(node);
      return [node];
    }
    isChanged = true;
    const inputs = new Map(node.inputs.map((name) => [name, name]));
    const replacement = splice(body, { prefix: node.name, inputs, outputs: node.outputs }, fresh);
    for (const [name, tensor] of replacement.initializers) {
      initializers.set(name, tensor);
      known.store(name, tensor);
    }
    for (const inner of replacement.nodes) {
      known.visit(inner);
      if (inner.domain) opsets[inner.domain] ??= 1;
    }
    return replacement.nodes;
  });
  return isChanged ? pruneDead({ ...graph, nodes, initializers, opsets }) : graph;
}

/** What goes in a node's place, under the builder's names; `undefined` where the node stays. */
function decomposed(node: Node, decomposition: Decomposition, known: Known): Body | undefined {
  const g = graphBuilder(node.name);
  const inputs = node.inputs.map((name) => (name === "" ? undefined : bound(g, node, name, known)));
  const outputs = refusing(node, () => decomposition({ g, node, inputs }));
  if (!outputs) return undefined;
  const names = node.outputs.map((name, index) => {
    const output = outputs[index];
    if (name !== "" && !output) throw new LimbeckError(`Output ${index} ("${name}") of ${describeNode(node)} is not supported.`);
    return output?.name ?? "";
  });
  const initializers = new Map([...g.initializers].filter(([name]) => !node.inputs.includes(name)));
  return { nodes: g.nodes, initializers, outputs: names };
}

/** An input of the node in the builder, with its elements if they are known. */
function bound(g: GraphBuilder, node: Node, name: string, known: Known): Value {
  if (g.has(name)) return g.value(name);
  const constant = known.constants.get(name);
  if (constant) return g.store(name, constant);
  const value = known.values.get(name);
  if (value) return g.input(name, value.type, value.shape);
  const [problem] = known.problems;
  throw new LimbeckError(`The shape of "${name}", which ${describeNode(node)} takes, is not known.`, { hint: problem?.message });
}

/** What a decomposition refuses is refused in the name of the node. */
function refusing<T>(node: Node, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof LimbeckError)) throw error;
    throw new LimbeckError(error.message, { where: error.where ?? describeNode(node), hint: error.hint, cause: error });
  }
}
