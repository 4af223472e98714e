import { int, ints } from "../attributes.ts";
import type { Shape, Value } from "../graph.ts";
import { int64 } from "../tensor.ts";
import { only } from "./elementwise.ts";
import type { Emitter } from "./emitter.ts";

/** Operators that move, cut, join or repeat elements without computing on them. */
export function layoutOperators(emitter: Emitter) {
  const constants = (numbers: readonly number[]): Value => emitter.constant(int64(numbers));
  return {
    /** A symbolic size may appear once; it becomes "whatever is left". */
    reshape: (x: Value, shape: Shape): Value => {
      const target = shape.map((size) => (typeof size === "number" ? size : -1));
      return target.join() === x.shape.join() ? x : only(emitter.emit("Reshape", [x, constants(target)]));
    },
    transpose: (x: Value, order: readonly number[]): Value => only(emitter.emit("Transpose", [x], { attributes: { perm: ints(order) } })),
    flatten: (x: Value, axis = 1): Value => only(emitter.emit("Flatten", [x], { attributes: { axis: int(axis) } })),
    squeeze: (x: Value, axes: readonly number[]): Value => only(emitter.emit("Squeeze", [x, constants(axes)])),
    unsqueeze: (x: Value, axes: readonly number[]): Value => only(emitter.emit("Unsqueeze", [x, constants(axes)])),
    concat: (parts: readonly Value[], axis: number): Value =>
      parts.length === 1 ? (parts[0] as Value) : only(emitter.emit("Concat", parts, { attributes: { axis: int(axis) } })),
    split: (x: Value, sizes: readonly number[], axis: number): Value[] =>
      emitter.emit("Split", [x, constants(sizes)], { attributes: { axis: int(axis) }, outputs: sizes.length }),
    /** Elements `start` to `end` (not included) of each axis named, by `step`. */
    slice: (x: Value, ranges: readonly { axis: number; start: number; end: number; step?: number }[]): Value =>
      only(
        emitter.emit("Slice", [
          x,
          constants(ranges.map(({ start }) => start)),
          constants(ranges.map(({ end }) => end)),
          constants(ranges.map(({ axis }) => axis)),
          constants(ranges.map(({ step = 1 }) => step)),
        ]),
      ),
    /** Zeros before and after each axis; `pads` is [begin of every axis..., end of every axis...]. */
    pad: (x: Value, pads: readonly number[]): Value =>
      pads.every((size) => size === 0) ? x : only(emitter.emit("Pad", [x, constants(pads)])),
    gather: (x: Value, indices: Value, axis: number): Value =>
      only(emitter.emit("Gather", [x, indices], { attributes: { axis: int(axis) } })),
    gatherElements: (x: Value, indices: Value, axis: number): Value =>
      only(emitter.emit("GatherElements", [x, indices], { attributes: { axis: int(axis) } })),
    /** `x` with `updates` added at `indices` along `axis`. */
    scatterAdd: (x: Value, indices: Value, updates: Value, axis: number): Value =>
      only(
        emitter.emit("ScatterElements", [x, indices, updates], {
          attributes: { axis: int(axis), reduction: { kind: "string", value: "add" } },
        }),
      ),
    expand: (x: Value, shape: readonly number[]): Value =>
      shape.join() === x.shape.join() ? x : only(emitter.emit("Expand", [x, constants(shape)])),
    tile: (x: Value, repeats: readonly number[]): Value => only(emitter.emit("Tile", [x, constants(repeats)])),
  };
}
