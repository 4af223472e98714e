import type { GraphBuilder } from "../../graph/builder/builder.ts";
import type { Value } from "../../graph/graph.ts";
import { toNumbers } from "../../graph/tensor.ts";
import type { GradientContext, GradientRule, GradientRules } from "../rule.ts";

/** A rule for y = f(x), element by element: dx = dy · f'(x). */
export const pointwise =
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
  const reached = inputs.map((x) => indicator(g, g.equal(x, y), y));
  const share = g.div(dy, g.sum(...reached));
  return inputs.map((x, index) => g.sumTo(g.mul(share, reached[index] as Value), x));
};

const variadicSum: GradientRule = ({ g, inputs, grads }) => inputs.map((x) => g.sumTo(grads[0] as Value, x));

const variadicMean: GradientRule = ({ g, inputs, grads }) => {
  const share = g.mul(grads[0] as Value, 1 / inputs.length);
  return inputs.map((x) => g.sumTo(share, x));
};

/** y = a^b  =>  da = dy·b·a^(b-1), db = dy·y·ln a, where ln is taken as 0 for a <= 0. The exponent may be of another type, even an integer. */
const pow: GradientRule = ({ g, inputs, outputs, grads }) => {
  const [a, exponent] = inputs as [Value, Value];
  const [y, dy] = [outputs[0], grads[0]] as [Value, Value];
  const b = g.cast(exponent, a.type);
  const known = g.constantOf(exponent);
  // Squares are what models raise to, and a power costs as much as a dozen products.
  const squared = known !== undefined && toNumbers(known).every((number) => number === 2);
  const slope = squared ? g.mul(a, 2) : g.where(g.equal(b, 0), 0, g.mul(b, g.pow(a, g.sub(b, 1))));
  const db = g.mul(dy, g.mul(y, g.log(g.where(g.greater(a, 0), a, 1))));
  return [g.sumTo(g.mul(dy, slope), a), exponent.type === a.type ? g.sumTo(db, exponent) : undefined];
};

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
  return [x.type.includes("float") ? g.cast(grads[0] as Value, x.type) : undefined];
};

const none: GradientRule = () => [];

const twoOverRootPi = 2 / Math.sqrt(Math.PI);

export const elementwiseRules: GradientRules = {
  Add: binary((_, dy) => [dy, dy]),
  Sub: binary((g, dy) => [dy, g.neg(dy)]),
  Mul: binary((g, dy, a, b) => [g.mul(dy, b), g.mul(dy, a)]),
  // y = a/b  =>  db = -dy·y/b
  Div: binary((g, dy, _, b, y) => [g.div(dy, b), g.neg(g.div(g.mul(dy, y), b))]),
  Pow: pow,
  Sum: variadicSum,
  Mean: variadicMean,
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
  Sign: none,
  Floor: none,
  Ceil: none,
  Round: none,
};
