import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Node, Value } from "../graph/graph.ts";

/** What a gradient rule sees of the node it differentiates. */
export interface GradientContext {
  readonly g: GraphBuilder;
  readonly node: Node;
  /** Inputs of the node; one that is left out is `undefined`. Rules that know their operator's arity destructure this. */
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  /** Gradient of the loss with respect to each output; zero where the loss does not depend on that output. */
  readonly grads: readonly Value[];
}

/**
 * Gradient of the loss with respect to each input of a node, given those with respect to its outputs.
 *
 * `undefined` (or a shorter list) means that no gradient flows to that input. What nobody asked for is pruned afterwards, so rules
 * needn't ask which inputs matter.
 */
export type GradientRule = (context: GradientContext) => readonly (Value | undefined)[];

/** Rules by operator; `domain:Operator` outside ONNX's own domain. */
export type GradientRules = Readonly<Record<string, GradientRule>>;
