import { intsAttribute, stringAttribute } from "../../graph/attributes.ts";
import type { GraphBuilder } from "../../graph/builder/builder.ts";
import type { Value } from "../../graph/graph.ts";
import { sliceRange } from "../../graph/shapes/slice.ts";
import { constantInput, type GradientRule, type GradientRules, sizesOf } from "../rule.ts";
import { type AxisMap, throughAxisMap } from "./axis-map.ts";

/** A slice's gradient is put back among zeros. */
const slice: GradientRule = (context) => {
  const { g, node, inputs, grads } = context;
  const x = inputs[0] as Value;
  const starts = intsAttribute(node, "starts") ?? constantInput(context, 1) ?? [];
  const ends = intsAttribute(node, "ends") ?? constantInput(context, 2) ?? [];
  const axes = intsAttribute(node, "axes") ?? constantInput(context, 3) ?? starts.map((_, axis) => axis);
  const steps = constantInput(context, 4) ?? starts.map(() => 1);
  const sizes = sizesOf(x);
  const rank = sizes.length;
  const pads = new Array<number>(2 * rank).fill(0);
  let dx = grads[0] as Value;
  if (sizesOf(dx).includes(0)) return [];
  axes.forEach((raw, index) => {
    const axis = raw < 0 ? raw + rank : raw;
    const [size, step] = [sizes[axis] as number, steps[index] as number];
    const { start, count } = sliceRange(size, starts[index] as number, ends[index] as number, step);
    const first = step > 0 ? start : start + (count - 1) * step;
    if (step < 0) dx = reversed(g, dx, axis);
    dx = spread(g, dx, axis, Math.abs(step));
    pads[axis] = first;
    // Negative where the zeros after the last element go beyond the end.
    pads[rank + axis] = size - first - Number(dx.shape[axis]);
  });
  const cut = [...sizes.keys()].filter((axis) => pads[axis] !== 0 || pads[rank + axis] !== 0);
  const [axis] = cut as [number];
  return cut.length === 1 && (pads[rank + axis] as number) >= 0 ? [{ stretch: dx, axis, start: pads[axis] as number }] : [g.pad(dx, pads)];
};

function reversed(g: GraphBuilder, x: Value, axis: number): Value {
  const size = Number(x.shape[axis]);
  return size === 1 ? x : g.slice(x, [{ axis, start: size - 1, end: -size - 1, step: -1 }]);
}

/**
 * Every element along the axis followed by step - 1 zeros. Measured on 8 MB: 2-3 ms by Pad where elements further to the right move
 * together, by Concat (which needs the zeros stored) otherwise; 20 ms by a scatter, and by Pad of single elements.
 */
function spread(g: GraphBuilder, x: Value, axis: number, step: number): Value {
  const sizes = sizesOf(x);
  if (step === 1 || sizes[axis] === 1) return x;
  const apart = sizes.toSpliced(axis + 1, 0, 1);
  const isLast = sizes.slice(axis + 1).every((size) => size === 1);
  const columns = g.reshape(x, apart);
  const spaced = isLast
    ? g.concat([columns, g.expand(g.scalar(0, x.type), apart.with(axis + 1, step - 1))], axis + 1)
    : g.pad(
        columns,
        [...apart, ...apart].map((_, index) => (index === apart.length + axis + 1 ? step - 1 : 0)),
      );
  return g.reshape(spaced, sizes.with(axis, (sizes[axis] as number) * step));
}

/**
 * Padding along an axis is a linear map of the elements there; with a constant it is cut off again, and a negative pad had cut, so it is
 * padded back.
 */
const pad: GradientRule = (context) => {
  const { g, node, inputs, grads } = context;
  const mode = stringAttribute(node, "mode", "constant");
  const x = inputs[0] as Value;
  const dy = grads[0] as Value;
  const sizes = sizesOf(x);
  const rank = sizes.length;
  const given = intsAttribute(node, "pads") ?? constantInput(context, 1) ?? [];
  const axes = constantInput(context, 3) ?? [...sizes.keys()];
  const pads = new Array<number>(2 * rank).fill(0);
  axes.forEach((raw, index) => {
    const axis = raw < 0 ? raw + rank : raw;
    pads[axis] = given[index] as number;
    pads[rank + axis] = given[index + axes.length] as number;
  });
  if (mode === "constant") {
    const dx = g.pad(
      dy,
      pads.map((size) => -size),
    );
    return [dx, undefined, inputs[2] && g.reshape(g.sub(g.reduceSum(dy), g.reduceSum(dx)), inputs[2].shape)];
  }
  const dx = sizes.reduce((grad, size, axis) => {
    const [before, after] = [pads[axis] as number, pads[rank + axis] as number];
    return before === 0 && after === 0 ? grad : throughAxisMap(g, grad, axis, paddingMap(mode, size, before, after));
  }, dy);
  return [dx];
};

/** Where each element of a padded axis comes from. */
function paddingMap(mode: string, size: number, before: number, after: number): AxisMap {
  const sources: Record<string, (position: number) => number> = {
    edge: (position) => Math.min(Math.max(position, 0), size - 1),
    wrap: (position) => ((position % size) + size) % size,
    // Back and forth without repeating the ends.
    reflect: (position) => {
      const period = Math.max(1, 2 * (size - 1));
      const phase = ((position % period) + period) % period;
      return phase < size ? phase : period - phase;
    },
  };
  const source = sources[mode] as (position: number) => number;
  return { size, taps: Array.from({ length: before + size + after }, (_, position) => [{ index: source(position - before), weight: 1 }]) };
}

export const slicingRules: GradientRules = { Slice: slice, Pad: pad };
