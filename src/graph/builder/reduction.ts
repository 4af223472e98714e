import { int } from "../attributes.ts";
import type { Value } from "../graph.ts";
import { int64 } from "../tensor.ts";
import { only } from "./elementwise.ts";
import type { Emitter } from "./emitter.ts";

export interface ReduceOptions {
  /** All axes unless given. */
  readonly axes?: readonly number[];
  /** Leaves reduced axes with size 1; false unless given. */
  readonly keepDims?: boolean;
}

/** Reductions over axes. */
export function reductionOperators(emitter: Emitter) {
  const reduce =
    (op: string) =>
    (x: Value, { axes, keepDims = false }: ReduceOptions = {}): Value => {
      if (axes?.length === 0) return x;
      return only(emitter.emit(op, axes ? [x, emitter.constant(int64(axes))] : [x], { attributes: { keepdims: int(Number(keepDims)) } }));
    };
  return {
    reduceSum: reduce("ReduceSum"),
    reduceMean: reduce("ReduceMean"),
    reduceMax: reduce("ReduceMax"),
    reduceMin: reduce("ReduceMin"),
    reduceProd: reduce("ReduceProd"),
    reduceSumSquare: reduce("ReduceSumSquare"),
    reduceLogSumExp: reduce("ReduceLogSumExp"),
    argMax: (x: Value, { axis, keepDims = false }: { axis: number; keepDims?: boolean }): Value =>
      only(emitter.emit("ArgMax", [x], { attributes: { axis: int(axis), keepdims: int(Number(keepDims)) } })),
  };
}
