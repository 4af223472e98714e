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

/**
 * x where the condition holds, 0 elsewhere. A product with the condition as a number: ONNX Runtime 1.30's CPU takes 4 to 8 times as long
 * as for a product to choose by Where, and 4 times for Sign, while comparing, casting and multiplying take one such time or less each.
 */
export const masked = (g: GraphBuilder, condition: Value, x: Value): Value => g.mul(x, g.cast(condition, x.type));

/**
 * y = max or min over any number of operands: the gradient goes to those that reach it, shared equally among ties (as in PyTorch's `amax`).
 */
const extremum: GradientRule = ({ g, inputs, outputs, grads }) => {
  const [y, dy] = [outputs[0], grads[0]] as [Value, Value];
  const reached = inputs.map((x) => g.cast(g.equal(x, y), y.type));
  const share = g.div(dy, g.sum(...reached));
  return inputs.map((x, index) => g.sumTo(g.mul(share, reached[index] as Value), x));
};

const variadicSum: GradientRule = ({ g, inputs, grads }) => inputs.map((x) => g.sumTo(grads[0] as Value, x));

const variadicMean: GradientRule = ({ g, inputs, grads }) => {
  const share = g.mul(grads[0] as Value, 1 / inputs.length);
  return inputs.map((x) => g.sumTo(share, x));
};

/** The slope of y = a^b where b is a constant that models raise to: a power costs as much as fifty products. */
function slopeOfPower(g: GraphBuilder, a: Value, exponent: Value, y: Value): Value | undefined {
  const known = g.constantOf(exponent);
  const [b, ...others] = known ? toNumbers(known) : [];
  if (b === undefined || others.some((other) => other !== b)) return undefined;
  if (b === 2) return g.mul(a, 2);
  if (b === 3) return g.mul(g.mul(a, a), 3);
  if (b === 0.5) return g.div(0.5, y);
  if (b === -0.5) return g.mul(g.mul(y, g.mul(y, y)), -0.5);
  if (b === -1) return g.neg(g.mul(y, y));
  // b·y/a, and 0 at 0.
  return b > 1 ? g.mul(g.div(y, g.add(a, g.cast(g.equal(a, 0), a.type))), b) : undefined;
}

/**
 * y = a^b  =>  da = dy·b·a^(b-1), db = dy·y·ln a, where ln is taken as 0 for a <= 0. The exponent may be of another type, even an integer.
 */
const pow: GradientRule = ({ g, inputs, outputs, grads }) => {
  const [a, exponent] = inputs as [Value, Value];
  const [y, dy] = [outputs[0], grads[0]] as [Value, Value];
  const b = g.cast(exponent, a.type);
  // For b = 0 the slope is 0, at a = 0 too, so a is not raised to -1 there.
  const lower = g.add(g.sub(b, 1), g.cast(g.equal(b, 0), b.type));
  const slope = slopeOfPower(g, a, exponent, y) ?? g.mul(b, g.pow(a, lower));
  const db = g.mul(dy, g.mul(y, g.log(g.where(g.greater(a, 0), a, 1))));
  return [g.sumTo(g.mul(dy, slope), a), exponent.type === a.type ? g.sumTo(db, exponent) : undefined];
};

/** y = min(max(x, low), high): x gets dy wherever y is x, at a bound too (as in PyTorch's `clamp`), and a bound where it cuts x off. */
const clip: GradientRule = ({ g, inputs, outputs, grads }) => {
  const [x, low, high] = inputs as [Value, Value | undefined, Value | undefined];
  const [y, dy] = [outputs[0], grads[0]] as [Value, Value];
  const cutOffBy = (bound: Value) => g.and(g.not(g.equal(x, y)), g.equal(y, bound));
  const kept = isRelu6(g, low, high) ? g.clip(x, ...BETWEEN_0_AND_6) : y;
  return [
    masked(g, g.equal(x, kept), dy),
    low && g.sumTo(masked(g, cutOffBy(low), dy), low),
    high && g.sumTo(masked(g, cutOffBy(high), dy), high),
  ];
};

/** The float32 numbers next to the bounds, on the inside. */
const BETWEEN_0_AND_6 = [2 ** -126, 6 - 2 ** -21] as const;

/** ReLU6, which exporters write as Clip: PyTorch's gradient is 0 at its bounds. It matters at 0, where the units of a dead channel are. */
function isRelu6(g: GraphBuilder, low: Value | undefined, high: Value | undefined): boolean {
  const bounds = [low, high].map((bound) => bound && g.constantOf(bound)?.data[0]);
  return bounds[0] === 0 && bounds[1] === 6;
}

const where: GradientRule = ({ g, inputs, grads }) => {
  const [condition, yes, no] = inputs as [Value, Value, Value];
  const dy = grads[0] as Value;
  return [undefined, g.sumTo(masked(g, condition, dy), yes), g.sumTo(masked(g, g.not(condition), dy), no)];
};

/** Through a change between float types; integers carry no gradient. */
const cast: GradientRule = ({ g, inputs, grads }) => {
  const [x] = inputs as [Value];
  return [x.type.includes("float") ? g.cast(grads[0] as Value, x.type) : undefined];
};

/** Flat almost everywhere, or independent of the elements of x. */
const none: GradientRule = () => [];

const twoOverRootPi = 2 / Math.sqrt(Math.PI);

export const elementwiseRules: GradientRules = {
  Add: binary((_, dy) => [dy, dy]),
  Sub: binary((g, dy) => [dy, g.neg(dy)]),
  Mul: binary((g, dy, a, b) => [g.mul(dy, b), g.mul(dy, a)]),
  // y = a/b  =>  db = -dy·y/b
  Div: binary((g, dy, _, b, y) => [g.div(dy, b), g.neg(g.div(g.mul(dy, y), b))]),
  // fmod: y = a - b·trunc(a/b)  =>  da = dy, db = -dy·trunc(a/b), where trunc(a/b) = (a - y)/b
  Mod: binary((g, dy, a, b, y) => [dy, g.mul(dy, g.div(g.sub(y, a), b))]),
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
  // y = erf x  =>  dx = dy·2/√π·e^(-x²)
  Erf: pointwise((g, dy, x) => g.mul(dy, g.mul(g.exp(g.neg(g.mul(x, x))), twoOverRootPi))),
  Sign: none,
  Floor: none,
  Ceil: none,
  Round: none,
  RandomNormalLike: none,
  RandomUniformLike: none,
};
