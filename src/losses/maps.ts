import { type Tap, throughAxisMap } from "../autodiff/rules/axis-map.ts";
import { LimbeckError } from "../errors.ts";
import { string } from "../graph/attributes.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import { formatShape, type Value } from "../graph/graph.ts";
import { int64 } from "../graph/tensor.ts";

// What losses on feature maps [B, C, H, W] have in common.

/**
 * @param axes Those that count; all unless given.
 * @throws LimbeckError when the two differ in shape, which broadcasting could hide.
 */
export function requireSameShape(loss: string, student: Value, teacher: Value, axes = [...student.shape.keys()]): void {
  if (student.shape.length === teacher.shape.length && axes.every((axis) => student.shape[axis] === teacher.shape[axis])) return;
  const [ours, theirs] = [student, teacher].map(({ name, shape }) => `"${name}" is ${formatShape(shape)}`);
  throw new LimbeckError(`${loss} can't compare shapes: the student's ${ours} and the teacher's ${theirs}.`, {
    hint: `Pair tensors that agree in ${axes.length === student.shape.length ? "shape" : `axes ${axes.join(", ")}`}, or bring them together with fitPair.`,
  });
}

/** The axes of maps [B, C, H, W] that must agree for losses that take any channels. */
export const PLACES = [0, 2, 3];

/** The mean over all elements of (a − b)². */
export function meanSquaredDifference(g: GraphBuilder, a: Value, b: Value): Value {
  const difference = g.sub(a, b);
  return g.reduceMean(g.mul(difference, difference));
}

/** A map's places side by side: [B, C, H·W]. */
export function places(g: GraphBuilder, map: Value): Value {
  return g.reshape(map, [...map.shape.slice(0, 2), -1]);
}

/** x/‖x‖₂ over an axis. Zeros stay zeros: like PyTorch's `normalize`, it divides by 1e-12 at least. */
export function unit(g: GraphBuilder, x: Value, axis: number): Value {
  // Clamped inside of the root, so that zeros have a gradient.
  return g.div(x, g.sqrt(g.max(g.reduceSumSquare(x, { axes: [axis], keepDims: true }), 1e-24)));
}

/** The means over `size` windows along an axis that overlap where the lengths don't divide: PyTorch's `adaptive_avg_pool1d`. */
export function averageAlong(g: GraphBuilder, x: Value, axis: number, size: number): Value {
  const length = Number(x.shape[axis]);
  if (length === size) return x;
  const taps = Array.from({ length }, (): Tap[] => []);
  for (let index = 0; index < size; index++) {
    const [start, end] = [Math.floor((index * length) / size), Math.ceil(((index + 1) * length) / size)];
    for (const tap of taps.slice(start, end)) tap.push({ index, weight: 1 / (end - start) });
  }
  return throughAxisMap(g, x, axis, { size, taps });
}

/** A map [B, C, H, W] averaged to H×W of `sizes`: PyTorch's `adaptive_avg_pool2d`. */
export function averageTo(g: GraphBuilder, map: Value, sizes: readonly number[]): Value {
  const windows = sizes.map((size, axis) => Number(map.shape[axis + 2]) / size);
  if (windows.every((window) => window === 1)) return map;
  if (windows.every(Number.isInteger)) return g.averagePool(map, windows, { stride: windows });
  return sizes.reduce((pooled, size, axis) => averageAlong(g, pooled, axis + 2, size), map);
}

/** Two maps at one resolution: the larger is averaged to the size of the smaller, axis by axis. */
export function averageAlike(g: GraphBuilder, a: Value, b: Value): readonly [Value, Value] {
  const sizes = [2, 3].map((axis) => Math.min(Number(a.shape[axis]), Number(b.shape[axis])));
  return [averageTo(g, a, sizes), averageTo(g, b, sizes)];
}

/** A map [B, C, H, W] with its elements repeated, or left out, to H×W of `sizes`: PyTorch's `interpolate`. */
export function nearestTo(g: GraphBuilder, map: Value, sizes: readonly number[]): Value {
  if (sizes.join() === map.shape.slice(2).join()) return map;
  const attributes = { mode: string("nearest"), coordinate_transformation_mode: string("asymmetric"), nearest_mode: string("floor") };
  const shape = g.constant(int64([...map.shape.slice(0, 2).map(Number), ...sizes]));
  return g.emit("Resize", [map, undefined, undefined, shape], { attributes })[0] as Value;
}
