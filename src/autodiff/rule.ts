import { LimbeckError } from "../errors.ts";
import { intAttribute } from "../graph/attributes.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import { describeNode, formatShape, type Node, type Value } from "../graph/graph.ts";
import { toNumbers } from "../graph/tensor.ts";
import type { Contribution } from "./accumulate.ts";

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
export type GradientRule = (context: GradientContext) => readonly (Contribution | undefined)[];

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

/**
 * Input `index` as numbers that are known before the graph runs; `undefined` where it is left out.
 *
 * @throws LimbeckError when it is known only at run time.
 */
export function constantInput({ g, node, inputs }: GradientContext, index: number): readonly number[] | undefined {
  const input = inputs[index];
  if (!input) return undefined;
  const tensor = g.constantOf(input);
  if (tensor) return toNumbers(tensor);
  throw new LimbeckError(`No gradient rule for ${describeNode(node)} whose input ${index}, "${input.name}", is known only at run time.`, {
    hint: "Make it a constant, or freeze the parameters before this node.",
  });
}

/** The attribute `axis`, counted from the start of the first input's shape. */
export function axisOf({ node, inputs }: GradientContext, fallback: number): number {
  const axis = intAttribute(node, "axis", fallback);
  return axis < 0 ? axis + (inputs[0] as Value).shape.length : axis;
}
