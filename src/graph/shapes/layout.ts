import { intAttribute, intsAttribute } from "../attributes.ts";
import type { Dim, Shape } from "../graph.ts";
import { MOST_AXES } from "../onnx/limits.ts";
import {
  broadcastShapes,
  invalid,
  knownAxes,
  knownSizes,
  normalizeAxis,
  openShape,
  openSize,
  productOf,
  required,
  type ShapeContext,
  type ShapeRule,
  sizesIn,
} from "./rule.ts";
import { add, boundsOf, ceilDivide, floorDivide, multiply, subtract } from "./symbolic.ts";

const reshape: ShapeRule = (context) => {
  const x = required(context, 0);
  required(context, 1);
  const target = sizesIn(context, 1) ?? [];
  const copied = target.map((size, axis): Dim => {
    if (size !== 0 || intAttribute(context.node, "allowzero", 0)) return size;
    const same = x.shape[axis];
    if (same === undefined) throw invalid(context, `axis ${axis} of the new shape copies one that is not there`);
    return same;
  });
  if (target.filter((size) => size === -1).length > 1 || target.some((size) => typeof size === "number" && !(size >= -1)))
    throw invalid(context, `[${target.join(", ")}] is no shape: at most one size may be left open, as -1`);
  return [{ type: x.type, shape: knownSizes(context, 1) ? fillIn(context, x.shape, copied) : copied }];
};

/** Replaces the -1 of a new shape by what is left over. */
function fillIn(context: ShapeContext, from: Shape, to: Shape): Shape {
  const free = to.indexOf(-1);
  const given = to.filter((_, axis) => axis !== free);
  const [all, some] = [productOf(withoutCommon(from, given)), productOf(withoutCommon(given, from))];
  if (free < 0) {
    const [least, most] = boundsOf(subtract(all, some));
    if (least > 0 || most < 0) throw invalid(context, `[${to.join(", ")}] holds another number of elements`);
    return to;
  }
  const isDivisible = typeof all === "string" || typeof some === "string" || all % some === 0;
  if (!isDivisible || some === 0) throw invalid(context, `[${to.join(", ")}] does not divide the elements`);
  return to.with(free, floorDivide(all, some));
}

/** The sizes of a shape without those that another one has too; zeros stay. */
function withoutCommon(shape: Shape, other: Shape): Shape {
  const left = [...other];
  return shape.filter((size) => {
    const index = size === 0 ? -1 : left.indexOf(size);
    if (index >= 0) left.splice(index, 1);
    return index < 0;
  });
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
  const axes = axesOf(context, x.shape.length);
  if (!axes && context.inputs[1]) return [{ type: x.type, shape: openShape(context, x.shape.length - countIn(context, x.shape.length)) }];
  // Without axes all of size 1 go; a symbolic size is not taken for 1.
  const dropped = new Set(axes ?? x.shape.flatMap((size, axis) => (size === 1 ? [axis] : [])));
  for (const axis of dropped) {
    const size = x.shape[axis];
    if (typeof size === "number" && size !== 1) throw invalid(context, `axis ${axis} has size ${size}, not 1`);
  }
  return [{ type: x.type, shape: x.shape.filter((_, axis) => !dropped.has(axis)) }];
};

/** The axes that an attribute (before opset 13) or input 1 names. */
function axesOf(context: ShapeContext, rank: number): readonly number[] | undefined {
  return intsAttribute(context.node, "axes")?.map((axis) => normalizeAxis(context, axis, rank)) ?? knownAxes(context, 1, rank);
}

/** How many axes input 1 names. */
function countIn(context: ShapeContext, most: number): number {
  const [count] = required(context, 1).shape;
  if (typeof count !== "number" || count > most) throw invalid(context, "input 1 must be a constant, or a list of known length");
  return count;
}

const unsqueeze: ShapeRule = (context) => {
  const x = required(context, 0);
  const count = intsAttribute(context.node, "axes")?.length ?? knownSizes(context, 1)?.length ?? countIn(context, MOST_AXES);
  const rank = x.shape.length + count;
  if (rank > MOST_AXES) throw invalid(context, `the result would have ${rank} axes`);
  const axes = axesOf(context, rank);
  if (!axes) return [{ type: x.type, shape: openShape(context, rank) }];
  if (new Set(axes).size !== axes.length) throw invalid(context, `[${axes.join(", ")}] names an axis twice`);
  const rest = [...x.shape];
  return [{ type: x.type, shape: Array.from({ length: rank }, (_, axis) => (axes.includes(axis) ? 1 : (rest.shift() as Dim))) }];
};

const concat: ShapeRule = (context) => {
  const inputs = context.inputs.map((_, index) => required(context, index));
  const first = required(context, 0);
  const axis = normalizeAxis(context, intAttribute(context.node, "axis", 0), first.shape.length);
  if (inputs.some(({ type }) => type !== first.type)) throw invalid(context, "the element types differ");
  const shape = first.shape.map((_, index): Dim => {
    const sizes = inputs.map(({ shape }) => shape[index] as Dim);
    if (index === axis) return add(...sizes);
    const [known = sizes[0] as Dim, ...others] = new Set(sizes.filter((size) => typeof size === "number"));
    if (others.length > 0) throw invalid(context, `the shapes differ elsewhere than along axis ${axis}`);
    return known;
  });
  if (inputs.some(({ shape }) => shape.length !== first.shape.length)) throw invalid(context, "the ranks differ");
  return [{ type: first.type, shape }];
};

const split: ShapeRule = (context) => {
  const x = required(context, 0);
  const axis = normalizeAxis(context, intAttribute(context.node, "axis", 0), x.shape.length);
  const size = x.shape[axis] as Dim;
  const given = intsAttribute(context.node, "split") ?? knownSizes(context, 1);
  const parts =
    given ?? (context.inputs[1] ? context.node.outputs.map((_, index) => openSize(context, axis, index)) : equalParts(context, size));
  if (parts.length !== context.node.outputs.length || parts.some((part) => typeof part === "number" && part < 0))
    throw invalid(context, `[${parts.join(", ")}] are no sizes of ${context.node.outputs.length} parts`);
  const [least, most] = boundsOf(subtract(add(...parts), size));
  if (given && (least > 0 || most < 0)) throw invalid(context, `the parts [${parts.join(", ")}] do not add up to ${size}`);
  return parts.map((part) => ({ type: x.type, shape: x.shape.with(axis, part) }));
};

/** All of one size but the last, which has what is left. */
function equalParts(context: ShapeContext, size: Dim): readonly Dim[] {
  const count = context.node.outputs.length;
  const each = ceilDivide(size, count);
  return Array.from({ length: count }, (_, part) => (part < count - 1 ? each : subtract(size, multiply(each, count - 1))));
}

const pad: ShapeRule = (context) => {
  const x = required(context, 0);
  const axes = context.inputs[3] ? knownAxes(context, 3, x.shape.length) : x.shape.map((_, axis) => axis);
  const filling = context.inputs[2];
  if (filling && filling.type !== x.type) throw invalid(context, "the element types differ");
  if (!axes) return [{ type: x.type, shape: openShape(context, x.shape.length) }];
  if (!context.inputs[1] && !context.node.attributes.pads) throw invalid(context, "its pads are missing");
  const pads = intsAttribute(context.node, "pads") ?? knownSizes(context, 1);
  if (pads && pads.length !== 2 * axes.length) throw invalid(context, `there must be two pads for each of ${axes.length} axes`);
  const shape = [...x.shape];
  axes.forEach((axis, index) => {
    const padded = pads ? add(shape[axis] as Dim, pads[index] as Dim, pads[index + axes.length] as Dim) : openSize(context, axis);
    if (typeof padded === "number" && padded < 0) throw invalid(context, `axis ${axis} would have a negative size`);
    shape[axis] = padded;
  });
  return [{ type: x.type, shape }];
};

const expand: ShapeRule = (context) => {
  const x = required(context, 0);
  required(context, 1);
  const shape = broadcastShapes([x.shape, sizesIn(context, 1) ?? []]);
  if (!shape || shape.some((size) => typeof size === "number" && size < 0)) throw invalid(context, "the shapes do not broadcast");
  return [{ type: x.type, shape }];
};

const tile: ShapeRule = (context) => {
  const x = required(context, 0);
  required(context, 1);
  const repeats = knownSizes(context, 1);
  if (repeats && (repeats.length !== x.shape.length || repeats.some((count) => typeof count === "number" && count < 0)))
    throw invalid(context, "there must be one number of repeats per axis");
  return [{ type: x.type, shape: x.shape.map((size, axis) => (repeats ? multiply(repeats[axis] as Dim, size) : openSize(context, axis))) }];
};

/** The sizes that a Shape node gives. */
export function sizesTaken(context: ShapeContext): Shape {
  const { shape } = required(context, 0);
  return shape.slice(intAttribute(context.node, "start", 0), intAttribute(context.node, "end", shape.length));
}

const shapeOf: ShapeRule = (context) => [{ type: "int64", shape: [sizesTaken(context).length] }];

const sizeOf: ShapeRule = (context) => {
  required(context, 0);
  return [{ type: "int64", shape: [] }];
};

export const layoutShapes: Readonly<Record<string, ShapeRule>> = {
  Reshape: reshape,
  Transpose: transpose,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Concat: concat,
  Split: split,
  Pad: pad,
  Expand: expand,
  Tile: tile,
  Shape: shapeOf,
  Size: sizeOf,
};
