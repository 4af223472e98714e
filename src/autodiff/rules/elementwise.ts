import type { GraphBuilder } from "../../graph/builder/builder.ts";
import type { Value } from "../../graph/graph.ts";
import type { GradientContext, GradientRule, GradientRules } from "../rule.ts";
import { floatAttribute } from "../../graph/attributes.ts";

/** A rule for y = f(x), element by element: dx = dy · f'(x). */
const pointwise =
  (derivative: (g: GraphBuilder, dy: Value, x: Value, y: Value, context: GradientContext) => Value): GradientRule =>
  (context) => {
    const [x, y, dy] = [context.inputs[0], context.outputs[0], context.grads[0]] as [Value, Value, Value];
    return [derivative(context.g, dy, x, y, context)];
  };

/** A rule for y = f(a, b) that broadcasts; the derivatives are given before they are summed back to the operands' shapes. */
const binary =
  (derivatives: (g: GraphBuilder, dy: Value, a: Value, b: Value, y: Value) => readonly [Value, Value]): GradientRule =>
  ({ g, inputs, outputs, grads }) => {
    const [a, b] = inputs as [Value, Value];
    const [da, db] = derivatives(g, grads[0] as Value, a, b, outputs[0] as Value);
    return [g.sumTo(da, a), g.sumTo(db, b)];
  };

/** 1 where the condition holds, 0 elsewhere, in the type of `like`. */
const indicator = (g: GraphBuilder, condition: Value, like: Value): Value => g.cast(condition, like.type);

/** y = max or min over any number of operands: the gradient goes to those that reach it, shared equally among ties (as in PyTorch's `amax`). */
const extremum: GradientRule = ({ g, inputs, outputs, grads }) => {
  const [y, dy] = [outputs[0], grads[0]] as [Value, Value];
  const reached = inputs.map((x) => indicator(g, g.equal(g.add(x, g.mul(y, 0)), y), y));
  const share = g.div(dy, g.sum(...reached));
  return inputs.map((x, index) => g.sumTo(g.mul(share, reached[index] as Value), x));
};

const variadicSum: GradientRule = ({ g, inputs, grads }) => inputs.map((x) => g.sumTo(grads[0] as Value, x));

const clip: GradientRule = ({ g, inputs, grads }) => {
  const [x, low, high] = inputs as [Value, Value | undefined, Value | undefined];
  const inside = [...(low ? [g.greaterOrEqual(x, low)] : []), ...(high ? [g.lessOrEqual(x, high)] : [])];
  const dy = grads[0] as Value;
  return [inside.reduce((kept, condition) => g.mul(kept, indicator(g, condition, dy)), dy)];
};

const where: GradientRule = ({ g, inputs, grads }) => {
  const [condition, yes, no] = inputs as [Value, Value, Value];
  const dy = grads[0] as Value;
  return [undefined, g.sumTo(g.where(condition, dy, 0), yes), g.sumTo(g.where(condition, 0, dy), no)];
};

/** Through a change between float types; integers carry no gradient. */
const cast: GradientRule = ({ g, inputs, grads }) => {
  const [x] = inputs as [Value];
  return [x.type.startsWith("float") ? g.cast(grads[0] as Value, x.type) : undefined];
};

const none: GradientRule = () => [];

const twoOverRootPi = 2 / Math.sqrt(Math.PI);

export const elementwiseRules: GradientRules = {
  Add: binary((_, dy) => [dy, dy]),
  Sub: binary((g, dy) => [dy, g.neg(dy)]),
  Mul: binary((g, dy, a, b) => [g.mul(dy, b), g.mul(dy, a)]),
  // y = a/b  =>  db = -dy·y/b
  Div: binary((g, dy, _, b, y) => [g.div(dy, b), g.neg(g.div(g.mul(dy, y), b))]),
  // y = a^b  =>  da = dy·b·a^(b-1), db = dy·y·ln a, where ln is taken as 0 for a <= 0
  Pow: binary((g, dy, a, b, y) => [
    g.mul(dy, g.mul(b, g.pow(a, g.sub(b, 1)))),
    g.mul(dy, g.mul(y, g.log(g.where(g.greater(a, 0), a, 1)))),
  ]),
  Sum: variadicSum,
  Max: extremum,
  Min: extremum,
  Where: where,
  Clip: clip,
  Cast: cast,
  Identity: pointwise((_, dy) => dy),
  Neg: pointwise((g, dy) => g.neg(dy)),
  Abs: pointwise((g, dy, x) => g.mul(dy, g.sign(x))),
  Exp: pointwise((g, dy, _, y) => g.mul(dy, y)),
  Log: pointwise((g, dy, x) => g.div(dy, x)),
  // y = √x  =>  dx = dy/2y
  Sqrt: pointwise((g, dy, _, y) => g.div(g.mul(dy, 0.5), y)),
  // y = 1/x  =>  dx = -dy·y²
  Reciprocal: pointwise((g, dy, _, y) => g.neg(g.mul(dy, g.mul(y, y)))),
  Sin: pointwise((g, dy, x) => g.mul(dy, g.cos(x))),
  Cos: pointwise((g, dy, x) => g.neg(g.mul(dy, g.sin(x)))),
  // y = erf x  =>  dx = dy·2/√π·e^(-x²)
  Erf: pointwise((g, dy, x) => g.mul(dy, g.mul(g.exp(g.neg(g.mul(x, x))), twoOverRootPi))),
  Relu: pointwise((g, dy, _, y) => g.mul(dy, g.sign(y))),
  LeakyRelu: pointwise((g, dy, x, _, { node }) => g.where(g.greater(x, 0), dy, g.mul(dy, floatAttribute(node, "alpha", 0.01)))),
  // y = σ(x)  =>  dx = dy·y·(1-y)
  Sigmoid: pointwise((g, dy, _, y) => g.mul(dy, g.mul(y, g.sub(1, y)))),
  // y = tanh x  =>  dx = dy·(1-y²)
  Tanh: pointwise((g, dy, _, y) => g.mul(dy, g.sub(1, g.mul(y, y)))),
  Softplus: pointwise((g, dy, x) => g.mul(dy, g.sigmoid(x))),
  // y = x·Φ(x)  =>  dx = dy·(Φ(x) + x·φ(x))
  Gelu: pointwise((g, dy, x) => {
    const cdf = g.mul(g.add(g.erf(g.mul(x, Math.SQRT1_2)), 1), 0.5);
    const density = g.mul(g.exp(g.mul(g.mul(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
    return g.mul(dy, g.add(cdf, g.mul(x, density)));
  }),
  // y = x·clip(x/6 + 1/2, 0, 1)  =>  slope x/3 + 1/2 between -3 and 3
  HardSwish: pointwise((g, dy, x) =>
    g.mul(dy, g.where(g.less(x, -3), 0, g.where(g.greater(x, 3), 1, g.add(g.mul(x, 1 / 3), 0.5)))),
  ),
  Sign: none,
  Floor: none,
  Ceil: none,
  Round: none,
  Equal: none,
  Less: none,
  LessOrEqual: none,
  Greater: none,
  GreaterOrEqual: none,
  Not: none,
  And: none,
  Or: none,
  Xor: none,
};
