import { floatAttribute, string } from "../../attributes.ts";
import type { GraphBuilder } from "../../builder/builder.ts";
import { MICROSOFT, type Value } from "../../graph.ts";
import { type Decomposition, type Decompositions, share, taking } from "./replace.ts";

/** GELU by its approximation with tanh (Hendrycks and Gimpel, 2016, arXiv:1606.08415). */
function tanhGelu(g: GraphBuilder, x: Value): Value {
  const [y] = g.emit("Gelu", [x], { attributes: { approximate: string("tanh") } }) as [Value];
  return y;
}

/** The activation of x, or of x + bias where there is a second input. */
const withBias =
  (activation: (g: GraphBuilder, x: Value) => Value): Decomposition =>
  ({ g, inputs }) => {
    const [x, bias] = inputs as [Value, Value | undefined];
    return [activation(g, bias ? g.add(x, bias) : x)];
  };

/** x·σ(αx) */
const swish =
  (alphaByDefault: number): Decomposition =>
  ({ g, node, inputs }) => {
    const x = inputs[0] as Value;
    const alpha = floatAttribute(node, "alpha", alphaByDefault);
    return [g.mul(x, g.sigmoid(alpha === 1 ? x : g.mul(x, alpha)))];
  };

/** The GEGLU of diffusion models: of x + bias [..., 2D], the left half times the GELU of the right half. */
const biasSplitGelu: Decomposition = ({ g, inputs }) => {
  const [x, bias] = inputs as [Value, Value];
  const half = share(Number(bias.shape[0]), 2);
  const [left, right] = g.split(g.add(x, bias), [half, half], -1) as [Value, Value];
  return [g.mul(left, g.gelu(right))];
};

export const activationDecompositions: Decompositions = {
  Swish: taking(1, swish(1)),
  [`${MICROSOFT}:Gelu`]: taking(
    1,
    withBias((g, x) => g.gelu(x)),
  ),
  [`${MICROSOFT}:BiasGelu`]: taking(
    2,
    withBias((g, x) => g.gelu(x)),
  ),
  [`${MICROSOFT}:FastGelu`]: taking(1, withBias(tanhGelu)),
  [`${MICROSOFT}:QuickGelu`]: taking(1, swish(1.702)),
  [`${MICROSOFT}:BiasSplitGelu`]: taking(2, biasSplitGelu),
  [`${MICROSOFT}:BiasAdd`]: taking(3, ({ g, inputs }) => [g.sum(...(inputs as Value[]))]),
};
