import type { GraphBuilder } from "../../graph/builder/builder.ts";
import type { Value } from "../../graph/graph.ts";
import { elementCount, float32, int64 } from "../../graph/tensor.ts";
import { sizesOf } from "../rule.ts";

/** An element along an axis, and how much of it is taken. */
export interface Tap {
  readonly index: number;
  readonly weight: number;
}

/**
 * A linear map along one axis: each element of the result is a weighted sum of elements of x. Interpolation and padding are of this form.
 */
export interface AxisMap {
  /** Elements of x along the axis. */
  readonly size: number;
  /** What each element of the result is made of. */
  readonly taps: readonly (readonly Tap[])[];
}

/** A matrix of more elements than this is not worth its memory. */
const MOST_ELEMENTS = 2 ** 22;

/** y = M·x along an axis  =>  dx = Mᵀ·dy */
export function throughAxisMap(g: GraphBuilder, dy: Value, axis: number, map: AxisMap): Value {
  const sizes = sizesOf(dy);
  const result = sizes.with(axis, map.size);
  if (map.size * map.taps.length > MOST_ELEMENTS) return scatterTaps(g, dy, axis, map);
  const transposed = new Float32Array(map.size * map.taps.length);
  map.taps.forEach((taps, row) => {
    for (const { index, weight } of taps)
      transposed[index * map.taps.length + row] = (transposed[index * map.taps.length + row] ?? 0) + weight;
  });
  const matrix = g.cast(g.constant(float32(transposed, [map.size, map.taps.length])), dy.type);
  const [outer, inner] = [elementCount(sizes.slice(0, axis)), elementCount(sizes.slice(axis + 1))];
  if (inner === 1) return g.reshape(g.matMul(g.reshape(dy, [outer, map.taps.length]), matrix, { transposeB: true }), result);
  return g.reshape(g.matMul(matrix, g.reshape(dy, [outer, map.taps.length, inner])), result);
}

/**
 * The same for long axes, on which a matrix would be nearly all zeros: a scatter for the first tap of every element, one for the second,
 * ...
 */
function scatterTaps(g: GraphBuilder, dy: Value, axis: number, { size, taps }: AxisMap): Value {
  const sizes = sizesOf(dy);
  const along = sizes.map((length, other) => (other === axis ? length : 1));
  const most = Math.max(...taps.map(({ length }) => length));
  return Array.from({ length: most }, (_, tap) => taps.map((all) => all[tap] ?? { index: 0, weight: 0 })).reduce(
    (dx, column) => {
      const positions = g.constant(
        int64(
          column.map(({ index }) => index),
          along,
        ),
      );
      const weights = g.constant(
        float32(
          column.map(({ weight }) => weight),
          along,
        ),
      );
      const isPlain = column.every(({ weight }) => weight === 1);
      return g.scatterAdd(dx, g.expand(positions, sizes), isPlain ? dy : g.mul(dy, g.cast(weights, dy.type)), axis);
    },
    g.expand(g.scalar(0, dy.type), sizes.with(axis, size)),
  );
}
