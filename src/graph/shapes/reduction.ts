import { intAttribute, intsAttribute } from "../attributes.ts";
import { constantNumbers, invalid, normalizeAxis, required, type ShapeContext, type ShapeRule } from "./rule.ts";

/** The axes that a reduction runs over, counted from the start; they moved from an attribute to an input in opset 13 (ReduceSum) and 18. */
export function reducedAxes(context: ShapeContext): readonly number[] {
  const rank = required(context, 0).shape.length;
  const axes = intsAttribute(context.node, "axes") ?? constantNumbers(context, 1) ?? [];
  if (axes.length > 0) return axes.map((axis) => normalizeAxis(context, axis, rank));
  return intAttribute(context.node, "noop_with_empty_axes", 0) ? [] : Array.from({ length: rank }, (_, axis) => axis);
}

const reduce: ShapeRule = (context) => {
  const x = required(context, 0);
  const axes = new Set(reducedAxes(context));
  const keep = intAttribute(context.node, "keepdims", 1) === 1;
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
