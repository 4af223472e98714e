import { int } from "../../attributes.ts";
import type { GraphBuilder } from "../../builder/builder.ts";
import type { Attributes, Value } from "../../graph.ts";
import { int64 } from "../../tensor.ts";

/** Positions of more than these are computed by the runtime, not stored. */
const MOST_STORED = 2 ** 14;

/** The size of an axis as an int64 scalar, which may be known only at run time. */
export function sizeOf(g: GraphBuilder, x: Value, axis: number): Value {
  const size = x.shape[axis];
  if (typeof size === "number") return g.scalar(size, "int64");
  const attributes: Attributes = { start: int(axis), end: int(axis + 1) };
  const [shape] = g.emit("Shape", [x], { attributes }) as [Value];
  return g.squeeze(shape, [0]);
}

/** 0, 1, 2, ... along an axis, int64. */
export function positions(g: GraphBuilder, x: Value, axis: number): Value {
  const size = x.shape[axis];
  if (typeof size === "number" && size <= MOST_STORED) return g.constant(int64(Array.from({ length: size }, (_, index) => index)));
  const [range] = g.emit("Range", [g.scalar(0, "int64"), sizeOf(g, x, axis), g.scalar(1, "int64")]) as [Value];
  return range;
}
