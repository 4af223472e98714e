import { floatAttribute, stringAttribute } from "../../graph/attributes.ts";
import type { Value } from "../../graph/graph.ts";
import type { GradientRule, GradientRules } from "../rule.ts";
import { pointwise } from "./elementwise.ts";

/** y = x for x > 0, slope·x elsewhere, with a learnt slope that broadcasts. */
const pRelu: GradientRule = ({ g, inputs, grads }) => {
  const [x, slope] = inputs as [Value, Value];
  const dy = grads[0] as Value;
  const positive = g.greater(x, 0);
  return [g.where(positive, dy, g.mul(dy, slope)), g.sumTo(g.where(positive, 0, g.mul(dy, x)), slope)];
};

const gelu = pointwise((g, dy, x, _, { node }) => {
  if (stringAttribute(node, "approximate", "none") === "tanh") {
    // y = x/2·(1 + tanh u), u = √(2/π)·(x + 0.044715·x³)
    const square = g.mul(x, x);
    const t = g.tanh(g.mul(g.mul(x, g.add(g.mul(square, 0.044715), 1)), Math.sqrt(2 / Math.PI)));
    const slope = g.mul(g.add(g.mul(square, 3 * 0.044715), 1), Math.sqrt(2 / Math.PI));
    return g.mul(dy, g.mul(g.add(g.add(t, 1), g.mul(g.mul(x, slope), g.sub(1, g.mul(t, t)))), 0.5));
  }
  // y = x·Φ(x)  =>  dx = dy·(Φ(x) + x·φ(x))
  const cdf = g.mul(g.add(g.erf(g.mul(x, Math.SQRT1_2)), 1), 0.5);
  const density = g.mul(g.exp(g.mul(g.mul(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return g.mul(dy, g.add(cdf, g.mul(x, density)));
});

export const activationRules: GradientRules = {
  Relu: pointwise((g, dy, _, y) => g.mul(dy, g.sign(y))),
  LeakyRelu: pointwise((g, dy, x, _, { node }) => g.where(g.greater(x, 0), dy, g.mul(dy, floatAttribute(node, "alpha", 0.01)))),
  PRelu: pRelu,
  // y = α(e^x - 1) for x < 0  =>  slope y + α there
  Elu: pointwise((g, dy, x, y, { node }) => g.where(g.greater(x, 0), dy, g.mul(dy, g.add(y, floatAttribute(node, "alpha", 1))))),
  // y = γx for x > 0, γα(e^x - 1) elsewhere  =>  slope γ, or y + γα; the defaults are ONNX's
  Selu: pointwise((g, dy, x, y, { node }) => {
    const [alpha, gamma] = [floatAttribute(node, "alpha", 1.6732631921768188), floatAttribute(node, "gamma", 1.0507010221481323)];
    return g.mul(dy, g.where(g.greater(x, 0), gamma, g.add(y, alpha * gamma)));
  }),
  // y = α(e^(x/α) - 1) for x < 0  =>  slope y/α + 1 there
  Celu: pointwise((g, dy, x, y, { node }) =>
    g.where(g.greater(x, 0), dy, g.mul(dy, g.add(g.mul(y, 1 / floatAttribute(node, "alpha", 1)), 1))),
  ),
  // y = σ(x)  =>  dx = dy·y·(1-y)
  Sigmoid: pointwise((g, dy, _, y) => g.mul(dy, g.mul(y, g.sub(1, y)))),
  // y = clip(αx + β, 0, 1)  =>  slope α strictly between
  HardSigmoid: pointwise((g, dy, _, y, { node }) =>
    g.where(g.and(g.greater(y, 0), g.less(y, 1)), g.mul(dy, floatAttribute(node, "alpha", 0.2)), 0),
  ),
  // y = tanh x  =>  dx = dy·(1-y²)
  Tanh: pointwise((g, dy, _, y) => g.mul(dy, g.sub(1, g.mul(y, y)))),
  // y = ln(1 + e^x)  =>  dx = dy·σ(x)
  Softplus: pointwise((g, dy, x) => g.mul(dy, g.sigmoid(x))),
  // y = x/(1+|x|)  =>  slope 1/(1+|x|)² = (1-|y|)²
  Softsign: pointwise((g, dy, _, y) => {
    const root = g.sub(1, g.abs(y));
    return g.mul(dy, g.mul(root, root));
  }),
  // y = x·t, t = tanh(ln(1 + e^x))  =>  slope t + x·(1-t²)·σ(x)
  Mish: pointwise((g, dy, x) => {
    const t = g.tanh(g.softplus(x));
    return g.mul(dy, g.add(t, g.mul(g.mul(x, g.sub(1, g.mul(t, t))), g.sigmoid(x))));
  }),
  Gelu: gelu,
  // y = x·clip(x/6 + 1/2, 0, 1)  =>  slope x/3 + 1/2 between -3 and 3
  HardSwish: pointwise((g, dy, x) => g.mul(dy, g.where(g.less(x, -3), 0, g.where(g.greater(x, 3), 1, g.add(g.mul(x, 1 / 3), 0.5))))),
};
