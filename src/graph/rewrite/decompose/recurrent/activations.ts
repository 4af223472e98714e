import { LimbeckError } from "../../../../errors.ts";
import { floatAttribute } from "../../../attributes.ts";
import type { GraphBuilder } from "../../../builder/builder.ts";
import type { Node, Value } from "../../../graph.ts";
import { namedActivation } from "../named-activation.ts";

export type Activation = (x: Value) => Value;

/**
 * The activations that a recurrent layer names, for each of its directions. `activation_alpha` and `activation_beta` hold values for those
 * that take one, in order. `clip` bounds what goes into those of the gates, the first `gates` of a direction (so does ONNX Runtime).
 */
export function activationsOf(g: GraphBuilder, node: Node, defaults: readonly string[], gates: number, directions: number): Activation[][] {
  const { activations, activation_alpha: alphas, activation_beta: betas } = node.attributes;
  const names = activations?.kind === "strings" ? activations.value : Array.from({ length: directions }, () => defaults).flat();
  if (names.length !== directions * defaults.length)
    throw new LimbeckError(`It needs ${directions * defaults.length} activations, not ${names.length}.`);
  const queues = [alphas, betas].map((attribute) => (attribute?.kind === "floats" ? [...attribute.value] : []));
  const take = (queue: number[] | undefined, fallback: number | undefined) => (fallback === undefined ? 0 : (queue?.shift() ?? fallback));
  const clip = floatAttribute(node, "clip", 0);
  const all = names.map((name, index): Activation => {
    const isClipped = clip > 0 && index % defaults.length < gates;
    const { alpha, beta, apply } = namedActivation(name);
    const [a, b] = [take(queues[0], alpha), take(queues[1], beta)];
    return (x) => apply(g, isClipped ? g.clip(x, -clip, clip) : x, a, b);
  });
  return Array.from({ length: directions }, (_, index) => all.slice(index * defaults.length, (index + 1) * defaults.length));
}
