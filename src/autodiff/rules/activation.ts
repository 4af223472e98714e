import { float, floatAttribute, stringAttribute } from "../../graph/attributes.ts";
import type { GraphBuilder } from "../../graph/builder/builder.ts";
import type { Value } from "../../graph/graph.ts";
import type { GradientRule, GradientRules } from "../rule.ts";
import { masked, pointwise } from "./elementwise.ts";

/** y = x for x > 0, slope·x elsewhere, with a learnt slope that broadcasts. */
const pRelu: GradientRule = ({ g, inputs, grads }) => {
  const [x, slope] = inputs as [Value, Value];
  const dy = grads[0] as Value;
  const positive = g.cast(g.greater(x, 0), x.type);
  return [g.mul(dy, g.add(g.mul(positive, g.sub(1, slope)), slope)), g.sumTo(g.mul(dy, g.min(x, 0)), slope)];
};

const gelu = pointwise((g, dy, x, _, { node }) => {
  if (stringAttribute(node, "approximate", "none") === "tanh") {
    // y = x/2·(1 + tanh u), u = √(2/π)·(x + 0.044715·x³)
    const square = g.mul(x, x);
    const t = g.tanh(g.mul(g.mul(x, g.add(g.mul(square, 0.044715), 1)), Math.sqrt(2 / Math.PI)));
    const slope = g.mul(g.add(g.mul(square, 3 * 0.044715), 1), Math.sqrt(2 / Math.PI));
    return g.mul(dy, g.mul(g.add(g.add(t, 1), g.mul(g.mul(x, slope), g.sub(1, g.mul(t, t)))), 0.5));
  }
  // y = x·Φ(x)  =>  dx = dy·(Φ(x) + x·φ(x)). With s = x/√2, Φ(x) = (1 + erf s)/2 in one pass, and φ(x) = e^(ln(1/√2π) - s²).
  const s = g.mul(x, Math.SQRT1_2);
  const cdf = g.emit("HardSigmoid", [g.erf(s)], { attributes: { alpha: float(0.5), beta: float(0.5) } })[0] as Value;
  const density = g.exp(g.sub(-0.5 * Math.log(2 * Math.PI), g.mul(s, s)));
  return g.mul(dy, g.add(cdf, g.mul(x, density)));
});

/** The slope of y = `right`·x for x > 0, left·(e^x - 1) elsewhere: `right`, or y + left. */
function exponentialSlope(g: GraphBuilder, x: Value, y: Value, left: number, right: number): Value {
  const slope = g.add(g.min(y, 0), left);
  return left === right ? slope : g.add(slope, g.mul(g.cast(g.greater(x, 0), x.type), right - left));
}

export const activationRules: GradientRules = {
  Relu: pointwise((g, dy, _, y) => masked(g, g.greater(y, 0), dy)),
  // y = x for x > 0, αx elsewhere
  LeakyRelu: pointwise((g, dy, x, _, { node }) => {
    const alpha = floatAttribute(node, "alpha", 0.01);
    return g.mul(dy, g.add(g.mul(g.cast(g.greater(x, 0), x.type), 1 - alpha), alpha));
  }),
  PRelu: pRelu,
  // y = α(e^x - 1) for x < 0  =>  slope y + α there
  Elu: pointwise((g, dy, x, y, { node }) => g.mul(dy, exponentialSlope(g, x, y, floatAttribute(node, "alpha", 1), 1))),
  // y = γx for x > 0, γα(e^x - 1) elsewhere  =>  slope γ, or y + γα; the defaults are ONNX's
  Selu: pointwise((g, dy, x, y, { node }) => {
    const [alpha, gamma] = [floatAttribute(node, "alpha", 1.6732631921768188), floatAttribute(node, "gamma", 1.0507010221481323)];
    return g.mul(dy, exponentialSlope(g, x, y, alpha * gamma, gamma));
  }),
  // y = α(e^(x/α) - 1) for x < 0  =>  slope y/α + 1 there
  Celu: pointwise((g, dy, _, y, { node }) => g.mul(dy, g.add(g.mul(g.min(y, 0), 1 / floatAttribute(node, "alpha", 1)), 1))),
  // y = x for x > α, 0 elsewhere
  ThresholdedRelu: pointwise((g, dy, x, _, { node }) => masked(g, g.greater(x, floatAttribute(node, "alpha", 1)), dy)),
  // y = x ∓ bias for ±x > λ, 0 elsewhere
  Shrink: pointwise((g, dy, x, _, { node }) => masked(g, g.greater(g.abs(x), floatAttribute(node, "lambd", 0.5)), dy)),
  // y = σ(x)  =>  dx = dy·y·(1-y)
  Sigmoid: pointwise((g, dy, _, y) => g.mul(dy, g.mul(y, g.sub(1, y)))),
  // y = clip(αx + β, 0, 1)  =>  slope α strictly between
  HardSigmoid: pointwise((g, dy, _, y, { node }) =>
    g.mul(masked(g, g.and(g.greater(y, 0), g.less(y, 1)), dy), floatAttribute(node, "alpha", 0.2)),
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
    // t = n/(n + 2), n = e^x·(e^x + 2), which is 1 from 20 on: Softplus takes as long as a hundred products.
    const power = g.exp(g.min(x, 20));
    const n = g.mul(power, g.add(power, 2));
    const t = g.div(n, g.add(n, 2));
    return g.mul(dy, g.add(t, g.mul(g.mul(x, g.sub(1, g.mul(t, t))), g.sigmoid(x))));
  }),
  Gelu: gelu,
  // y = x·clip(x/6 + 1/2, 0, 1)  =>  slope x/3 + 1/2 between -3 and 3, 1 from there on
  HardSwish: pointwise((g, dy, x) => {
    const between = masked(g, g.and(g.greater(x, -3), g.less(x, 3)), g.add(g.mul(x, 1 / 3), 0.5));
    return g.mul(dy, g.add(between, g.cast(g.greaterOrEqual(x, 3), x.type)));
  }),
};
