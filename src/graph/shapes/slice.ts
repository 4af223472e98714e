import { intsAttribute } from "../attributes.ts";
import type { Dim } from "../graph.ts";
import { invalid, knownAxes, knownSizes, normalizeAxis, openShape, openSize, required, type ShapeContext, type ShapeRule } from "./rule.ts";
import { add, boundsOf, ceilDivide, largest, smallest, subtract } from "./symbolic.ts";

/** Where a slice along one axis of `size` starts, and how many elements it takes. */
export function sliceRange(size: number, start: number, end: number, step: number): { start: number; count: number } {
  const clamp = (index: number, low: number, high: number) => Math.min(Math.max(index < 0 ? index + size : index, low), high);
  const from = step > 0 ? clamp(start, 0, size) : clamp(start, 0, size - 1);
  const to = step > 0 ? clamp(end, 0, size) : isLargest(end) ? -1 : clamp(end, -1, size - 1);
  return { start: from, count: Math.max(0, Math.ceil((to - from) / step)) };
}

/** The largest integer means "to the last one", backwards too: so does ONNX Runtime read it, where the standard is silent. */
const isLargest = (end: Dim): boolean => typeof end === "number" && (end === 2 ** 31 - 1 || end >= 2 ** 63 - 1);

/** `sliceRange` where sizes are symbolic; `undefined` where it depends on them whether a position counts from the end. */
function symbolicRange(size: Dim, start: Dim, end: Dim, step: number): { start: Dim; count: Dim } | undefined {
  const last = step > 0 ? size : subtract(size, 1);
  const from = clamped(start, size, 0, last);
  const to = step < 0 && isLargest(end) ? -1 : clamped(end, size, step > 0 ? 0 : -1, last);
  if (from === undefined || to === undefined) return undefined;
  return { start: from, count: largest(0, step > 0 ? ceilDivide(subtract(to, from), step) : ceilDivide(subtract(from, to), -step)) };
}

function clamped(index: Dim, size: Dim, low: number, high: Dim): Dim | undefined {
  const [least, most] = boundsOf(index);
  // Beyond any size: the exporters' "from the start" and "to the end".
  if (least >= 2 ** 31 - 1) return high;
  if (most <= -(2 ** 31 - 1)) return low;
  if (least >= 0) return smallest(index, high);
  return most < 0 ? largest(low, add(size, index)) : undefined;
}

/** What a Slice node takes along one axis: `count` elements from `start` on; the start is left out where only running the graph tells. */
export interface SlicedAxis {
  readonly axis: number;
  readonly start: Dim | undefined;
  readonly count: Dim;
  readonly step: number;
}

/** What a Slice node takes along each axis that it names. @throws LimbeckError where only running the graph tells which axes these are. */
export function slicedAxes(context: ShapeContext): readonly SlicedAxis[] {
  const { shape } = required(context, 0);
  const starts = intsAttribute(context.node, "starts") ?? knownSizes(context, 1);
  const ends = intsAttribute(context.node, "ends") ?? knownSizes(context, 2);
  if (!hasKnownAxes(context)) throw invalid(context, "input 3 must be a constant");
  const count = starts?.length ?? ends?.length ?? lengthOf(context, 1);
  const named = intsAttribute(context.node, "axes")?.map((axis) => normalizeAxis(context, axis, shape.length));
  const axes = named ?? knownAxes(context, 3, shape.length) ?? Array.from({ length: count }, (_, axis) => axis);
  const steps: readonly (Dim | undefined)[] = context.inputs[4] ? (knownSizes(context, 4) ?? axes.map(() => undefined)) : axes.map(() => 1);
  if ([starts ?? axes, ends ?? axes, axes, steps].some(({ length }) => length !== count))
    throw invalid(context, "starts, ends, axes and steps differ in length");
  if (steps.includes(0)) throw invalid(context, "a step is 0");
  if (new Set(axes).size !== axes.length) throw invalid(context, `[${axes.join(", ")}] names an axis twice`);
  return axes.map((axis, index) => {
    const [size, start, end, step] = [shape[axis] as Dim, starts?.[index], ends?.[index], steps[index]];
    const range = start === undefined || end === undefined || typeof step !== "number" ? undefined : rangeOf(size, start, end, step);
    return { axis, step: typeof step === "number" ? step : 1, start: range?.start, count: range?.count ?? openSize(context, axis) };
  });
}

const hasKnownAxes = (context: ShapeContext): boolean => !context.inputs[3] || knownSizes(context, 3) !== undefined;

function rangeOf(size: Dim, start: Dim, end: Dim, step: number): { start: Dim; count: Dim } | undefined {
  return typeof size === "number" && typeof start === "number" && typeof end === "number"
    ? sliceRange(size, start, end, step)
    : symbolicRange(size, start, end, step);
}

function lengthOf(context: ShapeContext, index: number): number {
  const [length] = required(context, index).shape;
  if (typeof length !== "number" || length > required(context, 0).shape.length) throw invalid(context, `input ${index} must be a constant`);
  return length;
}

const slice: ShapeRule = (context) => {
  const x = required(context, 0);
  if (!hasKnownAxes(context)) return [{ type: x.type, shape: openShape(context, x.shape.length) }];
  const shape = [...x.shape];
  for (const { axis, count } of slicedAxes(context)) shape[axis] = count;
  return [{ type: x.type, shape }];
};

export const sliceShapes: Readonly<Record<string, ShapeRule>> = { Slice: slice };
