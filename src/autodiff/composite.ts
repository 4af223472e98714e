import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Node, Value } from "../graph/graph.ts";
import type { Contribution } from "./accumulate.ts";

/**
 * Gradient of the loss with respect to each input of a composite, given those with respect to its outputs (`undefined` where the loss does
 * not depend on one).
 */
export type CompositeRule = (grads: readonly (Value | undefined)[]) => readonly (Contribution | undefined)[];

/** Several nodes that are differentiated as one. */
export interface Composite {
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: readonly Value[];
  readonly nodes: ReadonlySet<Node>;
  readonly rule: CompositeRule;
}

const composites = new WeakMap<GraphBuilder, Composite[]>();

/**
 * Emits nodes that `backpropagate` goes through by a rule of their own instead of node by node: where the whole has a gradient that is
 * cheaper, or better conditioned, than what its parts would give.
 */
export function composite(
  g: GraphBuilder,
  inputs: readonly (Value | undefined)[],
  emit: () => { readonly outputs: readonly Value[]; readonly rule: CompositeRule },
): readonly Value[] {
  const before = g.nodes.length;
  const { outputs, rule } = emit();
  const known = composites.get(g) ?? [];
  known.push({ inputs, outputs, nodes: new Set(g.nodes.slice(before)), rule });
  composites.set(g, known);
  return outputs;
}

/** The composites emitted into a builder so far, in order. */
export function compositesOf(g: GraphBuilder): readonly Composite[] {
  return composites.get(g) ?? [];
}
