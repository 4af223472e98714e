import { constantTensor, intAttribute, intsAttribute, tensorAttribute } from "../attributes.ts";
import type { Dim, Shape } from "../graph.ts";
import { toNumbers } from "../tensor.ts";
import {
  broadcastShapes,
  constantNumbers,
  invalid,
  normalizeAxis,
  productOf,
  required,
  type ShapeContext,
  type ShapeRule,
} from "./rule.ts";

const reshape: ShapeRule = (context) => {
  const x = required(context, 0);
  const target = constantNumbers(context, 1) ?? [];
  if (target.filter((size) => size === -1).length > 1 || target.some((size) => size < -1)) {
    throw invalid(context, `[${target.join(", ")}] is no shape: at most one size may be left open, as -1`);
  }
  const copied = target.map((size, axis): Dim => {
    if (size !== 0 || intAttribute(context.node, "allowzero", 0)) return size;
    const same = x.shape[axis];
    if (same === undefined) throw invalid(context, `axis ${axis} of the new shape copies one that is not there`);
    return same;
  });
  return [{ type: x.type, shape: fillIn(context, x.shape, copied) }];
};

/** Replaces the -1 of a new shape by what is left over; a symbolic size may be what is left. */
function fillIn(context: ShapeContext, from: Shape, to: readonly Dim[]): Shape {
  const remaining = [...from.filter((size) => typeof size === "string")];
  const symbolic = to.filter((size) => typeof size === "string");
  for (const size of symbolic) remaining.splice(remaining.indexOf(size), 1);
  const count = (shape: Shape) =>
    shape.reduce<number>((product, size) => (typeof size === "number" && size >= 0 ? product * size : product), 1);
  const free = to.indexOf(-1);
  if (free < 0) {
    if (remaining.length === 0 && count(from) !== count(to)) throw invalid(context, `[${to.join(", ")}] holds another number of elements`);
    return to;
  }
  const quotient = count(from) / count(to);
  if (!Number.isInteger(quotient)) throw invalid(context, `[${to.join(", ")}] does not divide the elements`);
  const rest = productOf([quotient, ...remaining]);
  return to.map((size, axis) => (axis === free ? rest : size));
}

const transpose: ShapeRule = (context) => {
  const x = required(context, 0);
  const order = intsAttribute(context.node, "perm") ?? x.shape.map((_, axis) => x.shape.length - 1 - axis);
  if (order.length !== x.shape.length || x.shape.some((_, axis) => !order.includes(axis)))
    throw invalid(context, `[${order.join(", ")}] is no order of the axes`);
  return [{ type: x.type, shape: order.map((axis) => x.shape[axis] as Dim) }];
};

const flatten: ShapeRule = (context) => {
  const x = required(context, 0);
  const raw = intAttribute(context.node, "axis", 1);
  const axis = raw < 0 ? raw + x.shape.length : raw;
  if (axis < 0 || axis > x.shape.length) throw invalid(context, `axis ${raw} is out of range for rank ${x.shape.length}`);
  return [{ type: x.type, shape: [productOf(x.shape.slice(0, axis)), productOf(x.shape.slice(axis))] }];
};

const squeeze: ShapeRule = (context) => {
  const x = required(context, 0);
  const axes = intsAttribute(context.node, "axes") ?? constantNumbers(context, 1);
  const dropped = new Set(
    axes ? axes.map((axis) => normalizeAxis(context, axis, x.shape.length)) : x.shape.flatMap((size, axis) => (size === 1 ? [axis] : [])),
  );
  for (const axis of dropped) {
    const size = x.shape[axis];
    if (typeof size === "number" && size !== 1) throw invalid(context, `axis ${axis} has size ${size}, not 1`);
  }
  return [{ type: x.type, shape: x.shape.filter((_, axis) => !dropped.has(axis)) }];
};

const unsqueeze: ShapeRule = (context) => {
  const x = required(context, 0);
  const axes = intsAttribute(context.node, "axes") ?? constantNumbers(context, 1) ?? [];
  const rank = x.shape.length + axes.length;
  const added = new Set(axes.map((axis) => normalizeAxis(context, axis, rank)));
  if (added.size !== axes.length) throw invalid(context, `[${axes.join(", ")}] names an axis twice`);
  const rest = [...x.shape];
  return [{ type: x.type, shape: Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : (rest.shift() as Dim))) }];
};

const concat: ShapeRule = (context) => {
  const inputs = context.inputs.map((_, index) => required(context, index));
  const first = required(context, 0);
  const axis = normalizeAxis(context, intAttribute(context.node, "axis", 0), first.shape.length);
  for (const { shape } of inputs) {
    if (shape.length !== first.shape.length || shape.some((size, index) => index !== axis && size !== first.shape[index])) {
      throw invalid(context, `the shapes differ elsewhere than along axis ${axis}`);
    }
  }
  if (inputs.some(({ type }) => type !== first.type)) throw invalid(context, "the element types differ");
  const sizes = inputs.map(({ shape }) => shape[axis] as Dim);
  const total = sizes.every((size) => typeof size === "number")
    ? sizes.reduce<number>((sum, size) => sum + Number(size), 0)
    : sizes.join("+");
  return [{ type: first.type, shape: first.shape.map((size, index) => (index === axis ? total : size)) }];
};

const split: ShapeRule = (context) => {
  const x = required(context, 0);
  const axis = normalizeAxis(context, intAttribute(context.node, "axis", 0), x.shape.length);
  const parts = context.node.outputs.length;
  const size = x.shape[axis];
  if (typeof size !== "number") throw invalid(context, `axis ${axis} has no known size to split`);
  const each = Math.ceil(size / parts);
  const sizes =
    intsAttribute(context.node, "split") ??
    constantNumbers(context, 1) ??
    Array.from({ length: parts }, (_, part) => Math.min(each, size - part * each));
  if (sizes.reduce((sum, part) => sum + part, 0) !== size)
    throw invalid(context, `the parts [${sizes.join(", ")}] do not add up to ${size}`);
  return sizes.map((part) => ({ type: x.type, shape: x.shape.map((old, index) => (index === axis ? part : old)) }));
};

/** Where a slice along one axis of `size` starts, and how many elements it takes. */
export function sliceRange(size: number, start: number, end: number, step: number): { start: number; count: number } {
  const clamp = (index: number, low: number, high: number) => Math.min(Math.max(index < 0 ? index + size : index, low), high);
  const from = step > 0 ? clamp(start, 0, size) : clamp(start, 0, size - 1);
  // The largest integer means "to the last one", backwards too: so does ONNX Runtime read it, where the standard is silent.
  const isOpen = end === 2 ** 31 - 1 || end >= 2 ** 63 - 1;
  const to = step > 0 ? clamp(end, 0, size) : isOpen ? -1 : clamp(end, -1, size - 1);
  return { start: from, count: Math.max(0, Math.ceil((to - from) / step)) };
}

/** What a Slice node takes along each axis it names. */
export function slicedAxes(context: ShapeContext): readonly { axis: number; start: number; count: number; step: number }[] {
  const x = required(context, 0);
  const starts = intsAttribute(context.node, "starts") ?? constantNumbers(context, 1) ?? [];
  const ends = intsAttribute(context.node, "ends") ?? constantNumbers(context, 2) ?? [];
  const axes = intsAttribute(context.node, "axes") ?? constantNumbers(context, 3) ?? starts.map((_, axis) => axis);
  const steps = constantNumbers(context, 4) ?? starts.map(() => 1);
  if ([ends, axes, steps].some(({ length }) => length !== starts.length))
    throw invalid(context, "starts, ends, axes and steps differ in length");
  if (steps.includes(0)) throw invalid(context, "a step is 0");
  return axes.flatMap((raw, index) => {
    const axis = normalizeAxis(context, raw, x.shape.length);
    const [size, start, end, step] = [x.shape[axis], starts[index] as number, ends[index] as number, steps[index] as number];
    if (typeof size === "number") return [{ axis, step, ...sliceRange(size, start, end, step) }];
    // Exporters write `x[:]` as a slice from 0 to the largest integer.
    if (start === 0 && step === 1 && end >= 2 ** 31 - 1) return [];
    throw invalid(context, `axis ${axis} has no known size to slice`);
  });
}

const slice: ShapeRule = (context) => {
  const x = required(context, 0);
  const shape = [...x.shape];
  for (const { axis, count } of slicedAxes(context)) shape[axis] = count;
  return [{ type: x.type, shape }];
};

const pad: ShapeRule = (context) => {
  const x = required(context, 0);
  const pads = intsAttribute(context.node, "pads") ?? constantNumbers(context, 1) ?? [];
  const axes = constantNumbers(context, 3) ?? x.shape.map((_, axis) => axis);
  const shape = [...x.shape];
  axes.forEach((raw, index) => {
    const axis = normalizeAxis(context, raw, shape.length);
    const added = (pads[index] as number) + (pads[index + axes.length] as number);
    const size = shape[axis] as Dim;
    shape[axis] = typeof size === "number" ? size + added : added === 0 ? size : `${size}+${added}`;
    if (Number(shape[axis]) < 0) throw invalid(context, `axis ${axis} would have a negative size`);
  });
  return [{ type: x.type, shape }];
};

const gather: ShapeRule = (context) => {
  const [x, indices] = [required(context, 0), required(context, 1)];
  const axis = normalizeAxis(context, intAttribute(context.node, "axis", 0), x.shape.length);
  return [{ type: x.type, shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)] }];
};

const likeIndices: ShapeRule = (context) => [{ type: required(context, 0).type, shape: required(context, 1).shape }];
const likeData: ShapeRule = (context) => [{ type: required(context, 0).type, shape: required(context, 0).shape }];

const expand: ShapeRule = (context) => {
  const x = required(context, 0);
  const shape = broadcastShapes([x.shape, constantNumbers(context, 1) ?? []]);
  if (!shape) throw invalid(context, "the shapes do not broadcast");
  return [{ type: x.type, shape }];
};

const tile: ShapeRule = (context) => {
  const x = required(context, 0);
  const repeats = constantNumbers(context, 1) ?? [];
  if (repeats.length !== x.shape.length) throw invalid(context, "there must be one number of repeats per axis");
  return [{ type: x.type, shape: x.shape.map((size, axis) => productOf([repeats[axis] as number, size])) }];
};

const oneHot: ShapeRule = (context) => {
  const [indices, values] = [required(context, 0), required(context, 2)];
  const [depth] = constantNumbers(context, 1) ?? [];
  const rank = indices.shape.length + 1;
  const axis = normalizeAxis(context, intAttribute(context.node, "axis", -1), rank);
  return [{ type: values.type, shape: [...indices.shape.slice(0, axis), depth as number, ...indices.shape.slice(axis)] }];
};

/** The sizes that a Shape node gives. */
export function sizesTaken(context: ShapeContext): Shape {
  const { shape } = required(context, 0);
  return shape.slice(intAttribute(context.node, "start", 0), intAttribute(context.node, "end", shape.length));
}

const shapeOf: ShapeRule = (context) => [{ type: "int64", shape: [sizesTaken(context).length] }];

/** As many numbers as there are steps from start up to limit; symbolic where these are known only at run time. */
const range: ShapeRule = (context) => {
  const start = required(context, 0);
  const [from, to, step] = [0, 1, 2].map((index) => context.constant(index)).map((bound) => bound && toNumbers(bound)[0]);
  if (from === undefined || to === undefined || step === undefined)
    return [{ type: start.type, shape: [`${context.node.outputs[0]}_length`] }];
  if (step === 0) throw invalid(context, "its step is 0");
  return [{ type: start.type, shape: [Math.max(0, Math.ceil((to - from) / step))] }];
};

const constantOfShape: ShapeRule = (context) => [
  { type: tensorAttribute(context.node, "value")?.type ?? "float32", shape: constantNumbers(context, 0) ?? [] },
];

const constant: ShapeRule = (context) => {
  const value = constantTensor(context.node);
  if (!value) throw invalid(context, "only a dense tensor of numbers is supported as its value");
  return [{ type: value.type, shape: value.shape }];
};

export const layoutShapes: Readonly<Record<string, ShapeRule>> = {
  Reshape: reshape,
  Transpose: transpose,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Concat: concat,
  Split: split,
  Slice: slice,
  Pad: pad,
  Gather: gather,
  GatherElements: likeIndices,
  ScatterElements: likeData,
  Expand: expand,
  Tile: tile,
  OneHot: oneHot,
  Shape: shapeOf,
  Range: range,
  ConstantOfShape: constantOfShape,
  Constant: constant,
};
