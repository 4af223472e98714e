import { int, intAttribute, intsAttribute } from "../../graph/attributes.ts";
import type { GraphBuilder } from "../../graph/builder/builder.ts";
import type { Value } from "../../graph/graph.ts";
import { constantInput, type GradientContext, type GradientRule, type GradientRules, sizesOf } from "../rule.ts";

/** The axes reduced over, how many elements went into each output, and how to put the reduced axes back as size 1. */
function unreduced(context: GradientContext) {
  const { g, node } = context;
  const x = context.inputs[0] as Value;
  const given = intsAttribute(node, "axes") ?? constantInput(context, 1) ?? [];
  const all = given.length === 0 && intAttribute(node, "noop_with_empty_axes", 0) === 0;
  const axes = new Set(all ? x.shape.keys() : given.map((axis) => (axis < 0 ? axis + x.shape.length : axis)));
  const shape = x.shape.map((size, axis) => (axes.has(axis) ? 1 : size));
  const count = sizesOf(x).reduce((product, size, axis) => (axes.has(axis) ? product * size : product), 1);
  return { axes: [...axes], count, widen: (reduced: Value): Value => g.reshape(reduced, shape) };
}

const reduction =
  (derivative: (g: GraphBuilder, dy: Value, x: Value, y: Value, count: number) => Value): GradientRule =>
  (context) => {
    const { g, inputs, outputs, grads } = context;
    const x = inputs[0] as Value;
    const { widen, count } = unreduced(context);
    const dx = derivative(g, widen(grads[0] as Value), x, widen(outputs[0] as Value), count);
    return [g.expand(dx, sizesOf(x))];
  };

/** The gradient of an extremum goes to the elements that reach it, shared equally among ties (as in PyTorch's `amax`). */
const extremum: GradientRule = (context) => {
  const { g, inputs, outputs, grads } = context;
  const x = inputs[0] as Value;
  const { axes, widen } = unreduced(context);
  const reached = g.cast(g.equal(x, widen(outputs[0] as Value)), x.type);
  return [g.mul(reached, g.div(widen(grads[0] as Value), g.reduceSum(reached, { axes, keepDims: true })))];
};

/**
 * y = Πx  =>  dx = dy·(the product of the others): y/x where nothing is 0, the product of the rest at the only 0, and 0 where there are
 * two.
 */
const reduceProd: GradientRule = (context) => {
  const { g, inputs, outputs, grads } = context;
  const x = inputs[0] as Value;
  const { axes, widen } = unreduced(context);
  const [y, dy] = [widen(outputs[0] as Value), widen(grads[0] as Value)];
  const isZero = g.equal(x, 0);
  const zeros = g.reduceSum(g.cast(isZero, x.type), { axes, keepDims: true });
  const filled = g.where(isZero, 1, x);
  const rest = g.where(g.equal(zeros, 1), g.reduceProd(filled, { axes, keepDims: true }), 0);
  return [g.mul(dy, g.where(isZero, rest, g.div(y, filled)))];
};

/** y is the running sum of x, of what comes before it or after it: dx sums dy the other way round. */
const cumSum: GradientRule = ({ g, node, inputs, grads }) => {
  const attributes = { ...node.attributes, reverse: int(1 - intAttribute(node, "reverse", 0)) };
  return [g.emit("CumSum", [grads[0], inputs[1]], { attributes })[0]];
};

export const reductionRules: GradientRules = {
  ReduceSum: reduction((_, dy) => dy),
  ReduceMean: reduction((g, dy, _x, _y, count) => g.mul(dy, 1 / count)),
  ReduceMax: extremum,
  ReduceMin: extremum,
  ReduceProd: reduceProd,
  CumSum: cumSum,
  // y = Σ x²  =>  dx = 2x·dy
  ReduceSumSquare: reduction((g, dy, x) => g.mul(g.mul(x, 2), dy)),
  // y = Σ |x|  =>  dx = sign(x)·dy
  ReduceL1: reduction((g, dy, x) => g.mul(g.sign(x), dy)),
  // y = ‖x‖₂  =>  dx = x/y·dy, and 0 at the origin
  ReduceL2: reduction((g, dy, x, y) => g.mul(g.div(x, g.where(g.equal(y, 0), 1, y)), dy)),
  // y = log Σ e^x  =>  dx = e^(x-y)·dy
  ReduceLogSumExp: reduction((g, dy, x, y) => g.mul(g.exp(g.sub(x, y)), dy)),
  // y = log Σ x  =>  dx = dy/e^y
  ReduceLogSum: reduction((g, dy, _x, y) => g.mul(dy, g.exp(g.neg(y)))),
};
