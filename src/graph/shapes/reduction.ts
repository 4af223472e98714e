import { intAttribute, intsAttribute } from "../attributes.ts";
import { invalid, knownAxes, knownSizes, normalizeAxis, openShape, required, type ShapeContext, type ShapeRule } from "./rule.ts";

/**
 * The axes that a reduction runs over, counted from the start; they moved from an attribute to an input in opset 13 (ReduceSum) and 18.
 *
 * @throws LimbeckError where only running the graph tells which axes these are.
 */
export function reducedAxes(context: ShapeContext): readonly number[] {
  if (hasOpenAxes(context)) throw invalid(context, "input 1 must be a constant");
  const rank = required(context, 0).shape.length;
  const axes = intsAttribute(context.node, "axes")?.map((axis) => normalizeAxis(context, axis, rank)) ?? knownAxes(context, 1, rank) ?? [];
  if (axes.length > 0) return axes;
  return intAttribute(context.node, "noop_with_empty_axes", 0) ? [] : Array.from({ length: rank }, (_, axis) => axis);
}

/** Whether there are axes, of which only running the graph tells which they are. */
function hasOpenAxes(context: ShapeContext): boolean {
  const axes = context.inputs[1];
  return axes !== undefined && axes.shape[0] !== 0 && !knownSizes(context, 1);
}

const reduce: ShapeRule = (context) => {
  const x = required(context, 0);
  const keep = intAttribute(context.node, "keepdims", 1) === 1;
  if (hasOpenAxes(context)) {
    const [count] = required(context, 1).shape;
    if (!keep && (typeof count !== "number" || count > x.shape.length))
      throw invalid(context, "input 1 must be a constant, or a list of known length");
    return [{ type: x.type, shape: openShape(context, x.shape.length - (keep ? 0 : Number(count))) }];
  }
  const axes = new Set(reducedAxes(context));
  const shape = x.shape.map((size, axis) => (axes.has(axis) ? 1 : size)).filter((_, axis) => keep || !axes.has(axis));
  return [{ type: x.type, shape }];
};

const argReduce: ShapeRule = (context) => {
  const x = required(context, 0);
  const reduced = normalizeAxis(context, intAttribute(context.node, "axis", 0), x.shape.length);
  const keep = intAttribute(context.node, "keepdims", 1) === 1;
  const shape = x.shape.map((size, axis) => (axis === reduced ? 1 : size)).filter((_, axis) => keep || axis !== reduced);
  return [{ type: "int64", shape }];
};

const cumSum: ShapeRule = (context) => {
  const x = required(context, 0);
  if (x.shape.length === 0) throw invalid(context, "a scalar has no axis");
  return [{ type: x.type, shape: x.shape }];
};

const reductions = [
  "ReduceSum",
  "ReduceMean",
  "ReduceMax",
  "ReduceMin",
  "ReduceProd",
  "ReduceL1",
  "ReduceL2",
  "ReduceSumSquare",
  "ReduceLogSum",
  "ReduceLogSumExp",
];

export const reductionShapes: Readonly<Record<string, ShapeRule>> = {
  ...Object.fromEntries(reductions.map((op) => [op, reduce])),
  ArgMax: argReduce,
  ArgMin: argReduce,
  CumSum: cumSum,
};
