import { LimbeckError } from "../../../errors.ts";
import { float } from "../../attributes.ts";
import type { GraphBuilder } from "../../builder/builder.ts";
import type { Value } from "../../graph.ts";

/** An activation that an operator names in an attribute. */
export interface NamedActivation {
  /** Which of its parameters the activation reads, with their defaults. */
  readonly alpha?: number;
  readonly beta?: number;
  readonly apply: (g: GraphBuilder, x: Value, alpha: number, beta: number) => Value;
}

const emitted =
  (op: string, ...parameters: readonly ("alpha" | "beta")[]) =>
  (g: GraphBuilder, x: Value, alpha: number, beta: number): Value => {
    const given = { alpha: float(alpha), beta: float(beta) };
    const [y] = g.emit(op, [x], { attributes: Object.fromEntries(parameters.map((name) => [name, given[name]])) }) as [Value];
    return y;
  };

/** By lower-case name. Defaults are those of the ONNX operators of the same name. */
const activations: Readonly<Record<string, NamedActivation>> = {
  relu: { apply: (g, x) => g.relu(x) },
  tanh: { apply: (g, x) => g.tanh(x) },
  sigmoid: { apply: (g, x) => g.sigmoid(x) },
  softplus: { apply: (g, x) => g.softplus(x) },
  softsign: { apply: emitted("Softsign") },
  leakyrelu: { alpha: 0.01, apply: emitted("LeakyRelu", "alpha") },
  elu: { alpha: 1, apply: emitted("Elu", "alpha") },
  thresholdedrelu: { alpha: 1, apply: emitted("ThresholdedRelu", "alpha") },
  hardsigmoid: { alpha: 0.2, beta: 0.5, apply: emitted("HardSigmoid", "alpha", "beta") },
  affine: { alpha: 1, beta: 0, apply: (g, x, alpha, beta) => g.add(g.mul(x, alpha), beta) },
  scaledtanh: { alpha: 1, beta: 1, apply: (g, x, alpha, beta) => g.mul(g.tanh(g.mul(x, beta)), alpha) },
  hardswish: { apply: (g, x) => g.hardSwish(x) },
  /** α and β are the bounds. */
  clip: { alpha: Number.NEGATIVE_INFINITY, beta: Number.POSITIVE_INFINITY, apply: (g, x, low, high) => g.clip(x, low, high) },
};

/** @throws LimbeckError when no activation has this name. */
export function namedActivation(name: string): NamedActivation {
  const found = Object.hasOwn(activations, name.toLowerCase()) ? activations[name.toLowerCase()] : undefined;
  if (!found)
    throw new LimbeckError(`The activation "${name}" is not supported.`, { hint: `Known are ${Object.keys(activations).join(", ")}.` });
  return found;
}
