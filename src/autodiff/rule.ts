import { LimbeckError } from "../errors.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import { formatShape, type Node, type Value } from "../graph/graph.ts";

/** What a gradient rule sees of the node it differentiates. */
export interface GradientContext {
  readonly g: GraphBuilder;
  readonly node: Node;
  /** Inputs of the node; one that is left out is `undefined`. Rules that know their operator's arity destructure this. */
  readonly inputs: readonly Value[];
  /** Outputs of the node; one that is left out is `undefined`. */
  readonly outputs: readonly Value[];
  /**
   * Gradient of the loss with respect to each output; zero where the loss does not depend on that output, `undefined` for one that is
   * left out or is not of a float type.
   */
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

/**
 * The sizes of a value, for a rule that needs them as numbers.
 *
 * @throws LimbeckError when one is known only at run time.
 */
export function sizesOf(value: Value): number[] {
  return value.shape.map((size) => {
    if (typeof size === "number") return size;
    throw new LimbeckError(
      `The gradient needs every size of "${value.name}" ${formatShape(value.shape)}, but "${size}" is known only at run time.`,
      {
        hint: "Fix the batch size before differentiating.",
      },
    );
  });
}
