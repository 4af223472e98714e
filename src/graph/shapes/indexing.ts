import { intAttribute } from "../attributes.ts";
import type { Dim, Shape, Value } from "../graph.ts";
import {
  constantNumbers,
  invalid,
  knownSize,
  likeInput,
  normalizeAxis,
  openSize,
  required,
  type ShapeContext,
  type ShapeRule,
} from "./rule.ts";
import { multiply } from "./symbolic.ts";

/** Input 1, whole numbers that say where. */
function indicesOf(context: ShapeContext): Value {
  const indices = required(context, 1);
  if (indices.type !== "int64" && indices.type !== "int32") throw invalid(context, "the indices must be int64 or int32");
  return indices;
}

const gather: ShapeRule = (context) => {
  const [x, indices] = [required(context, 0), indicesOf(context)];
  const axis = normalizeAxis(context, intAttribute(context.node, "axis", 0), x.shape.length);
  return [{ type: x.type, shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)] }];
};

const gatherElements: ShapeRule = (context) => {
  const [x, indices] = [required(context, 0), indicesOf(context)];
  sameRank(context, x.shape, indices.shape);
  normalizeAxis(context, intAttribute(context.node, "axis", 0), x.shape.length);
  return [{ type: x.type, shape: indices.shape }];
};

function sameRank(context: ShapeContext, ...shapes: readonly Shape[]): void {
  if (shapes.some(({ length }) => length !== shapes[0]?.length)) throw invalid(context, "the ranks differ");
}

/** The axes of x that each row of indices [..., k] goes through: k of them, after the batch axes. */
function indexedAxes(context: ShapeContext, x: Shape, indices: Shape): { readonly batch: number; readonly end: number } {
  const batch = intAttribute(context.node, "batch_dims", 0);
  const depth = indices.at(-1);
  if (typeof depth !== "number") throw invalid(context, "the last size of the indices must be known");
  if (batch < 0 || batch >= indices.length || batch + depth > x.length)
    throw invalid(context, `indices of ${depth} axes after ${batch} batch axes do not fit rank ${x.length}`);
  return { batch, end: batch + depth };
}

/** x [batch..., a, b, c], indices [batch..., ..., 2]  =>  [batch..., ..., c]. */
const gatherND: ShapeRule = (context) => {
  const [x, indices] = [required(context, 0), indicesOf(context)];
  const { end } = indexedAxes(context, x.shape, indices.shape);
  return [{ type: x.type, shape: [...indices.shape.slice(0, -1), ...x.shape.slice(end)] }];
};

const scatterND: ShapeRule = (context) => {
  const [x, indices, updates] = [required(context, 0), indicesOf(context), required(context, 2)];
  const { end } = indexedAxes(context, x.shape, indices.shape);
  const expected = [...indices.shape.slice(0, -1), ...x.shape.slice(end)];
  if (differ(expected, updates.shape)) throw invalid(context, `the updates must have the shape [${expected.join(", ")}]`);
  if (updates.type !== x.type) throw invalid(context, "the element types differ");
  return likeInput(context);
};

const differ = (a: Shape, b: Shape): boolean =>
  a.length !== b.length || a.some((size, axis) => typeof size === "number" && typeof b[axis] === "number" && size !== b[axis]);

const scatterElements: ShapeRule = (context) => {
  const [x, indices, updates] = [required(context, 0), indicesOf(context), required(context, 2)];
  sameRank(context, x.shape, indices.shape);
  if (differ(indices.shape, updates.shape)) throw invalid(context, "there must be one update per index");
  if (updates.type !== x.type) throw invalid(context, "the element types differ");
  normalizeAxis(context, intAttribute(context.node, "axis", 0), x.shape.length);
  return likeInput(context);
};

const topK: ShapeRule = (context) => {
  const x = required(context, 0);
  const axis = normalizeAxis(context, intAttribute(context.node, "axis", -1), x.shape.length);
  const count = knownSize(context, 1) ?? openSize(context, axis);
  const size = x.shape[axis] as Dim;
  if (typeof count === "number" && (count < 0 || (typeof size === "number" && count > size)))
    throw invalid(context, `there are no ${count} largest of ${size}`);
  const shape = x.shape.map((old, index) => (index === axis ? count : old));
  return [
    { type: x.type, shape },
    { type: "int64", shape },
  ];
};

const oneHot: ShapeRule = (context) => {
  const [indices, values] = [required(context, 0), required(context, 2)];
  if (values.shape.length !== 1 || values.shape[0] !== 2)
    throw invalid(context, "the values must be two: that elsewhere, and that at the index");
  const rank = indices.shape.length + 1;
  const axis = normalizeAxis(context, intAttribute(context.node, "axis", -1), rank);
  const depth = knownSize(context, 1) ?? openSize(context, axis);
  return [{ type: values.type, shape: [...indices.shape.slice(0, axis), depth, ...indices.shape.slice(axis)] }];
};

const trilu: ShapeRule = (context) => {
  if (required(context, 0).shape.length < 2) throw invalid(context, "it keeps a triangle of matrices, so the rank must be 2 or more");
  return likeInput(context);
};

/** Indices [rank, count]: how many elements are not zero is known only at run time, unless x is a constant. */
const nonZero: ShapeRule = (context) => {
  const x = required(context, 0);
  const known = context.constant(0) && constantNumbers(context, 0)?.filter((element) => element !== 0).length;
  // ONNX Runtime takes a scalar for a vector of one element.
  return [{ type: "int64", shape: [Math.max(1, x.shape.length), known ?? openSize(context, 1)] }];
};

/** Keeps as many slices as the condition has ones. */
const compress: ShapeRule = (context) => {
  const x = required(context, 0);
  required(context, 1);
  const known = context.constant(1) && constantNumbers(context, 1)?.filter((element) => element !== 0).length;
  if (context.node.attributes.axis === undefined) return [{ type: x.type, shape: [known ?? openSize(context, 0)] }];
  const axis = normalizeAxis(context, intAttribute(context.node, "axis", 0), x.shape.length);
  return [{ type: x.type, shape: x.shape.map((size, index) => (index === axis ? (known ?? openSize(context, axis)) : size)) }];
};

/** The distinct elements or slices, then for each its first place, for each of x its place among them, and how often each occurs. */
const unique: ShapeRule = (context) => {
  const x = required(context, 0);
  const hasAxis = context.node.attributes.axis !== undefined;
  const axis = hasAxis ? normalizeAxis(context, intAttribute(context.node, "axis", 0), x.shape.length) : 0;
  const count = openSize(context, axis);
  const shape = hasAxis ? x.shape.map((size, index) => (index === axis ? count : size)) : [count];
  const inverse = hasAxis ? (x.shape[axis] as Dim) : multiply(...x.shape);
  return [
    { type: x.type, shape },
    { type: "int64", shape: [count] },
    { type: "int64", shape: [inverse] },
    { type: "int64", shape: [count] },
  ];
};

const reverseSequence: ShapeRule = (context) => {
  const [x, lengths] = [required(context, 0), required(context, 1)];
  const axes = ["batch_axis", "time_axis"].map((name, index) => intAttribute(context.node, name, 1 - index));
  if (x.shape.length < 2 || axes.some((axis) => axis !== 0 && axis !== 1) || axes[0] === axes[1])
    throw invalid(context, "its batch and time axes must be the first two");
  if (lengths.shape.length !== 1) throw invalid(context, "there must be one length per sequence");
  return likeInput(context);
};

/**
 * Rows of [image, class, box]; at most `max_output_boxes_per_class` for each class of each image, but how many is known only at run time.
 */
const nonMaxSuppression: ShapeRule = (context) => {
  const [boxes, scores] = [required(context, 0), required(context, 1)];
  if (boxes.shape.length !== 3 || scores.shape.length !== 3)
    throw invalid(context, "boxes must be [N, boxes, 4], scores [N, classes, boxes]");
  return [{ type: "int64", shape: [openSize(context, 0), 3] }];
};

export const indexingShapes: Readonly<Record<string, ShapeRule>> = {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherND,
  ScatterND: scatterND,
  ScatterElements: scatterElements,
  Scatter: scatterElements,
  TopK: topK,
  OneHot: oneHot,
  Trilu: trilu,
  NonZero: nonZero,
  Compress: compress,
  Unique: unique,
  ReverseSequence: reverseSequence,
  NonMaxSuppression: nonMaxSuppression,
};
