import type { Value } from "../graph.ts";
import { elementCount, int32, int64 } from "../tensor.ts";
import { blockedOperators } from "./blocked.ts";
import { elementwiseOperators } from "./elementwise.ts";
import { Emitter } from "./emitter.ts";
import { layoutOperators } from "./layout.ts";
import { linearOperators } from "./linear.ts";
import { normalizationOperators } from "./normalization.ts";
import { reductionOperators } from "./reduction.ts";
import { windowOperators } from "./window.ts";

/** The one way code emits nodes: `g.matMul(a, b)`. Every operator checks its shapes as it is called. */
export type GraphBuilder = Emitter &
  ReturnType<typeof elementwiseOperators> &
  ReturnType<typeof linearOperators> &
  ReturnType<typeof windowOperators> &
  ReturnType<typeof blockedOperators> &
  ReturnType<typeof reductionOperators> &
  ReturnType<typeof layoutOperators> &
  ReturnType<typeof normalizationOperators> &
  ReturnType<typeof compositeOperators>;

/** Starts a graph. Names made within scopes are joined by `separator`: "/" unless given. */
export function graphBuilder(name: string, separator?: string): GraphBuilder {
  const emitter = new Emitter(name, separator);
  const operators = {
    ...elementwiseOperators(emitter),
    ...linearOperators(emitter),
    ...windowOperators(emitter),
    ...blockedOperators(emitter),
    ...reductionOperators(emitter),
    ...layoutOperators(emitter),
    ...normalizationOperators(emitter),
  };
  return Object.assign(emitter, operators, compositeOperators(emitter, operators));
}

type Primitives = ReturnType<typeof elementwiseOperators> &
  ReturnType<typeof linearOperators> &
  ReturnType<typeof reductionOperators> &
  ReturnType<typeof layoutOperators>;

/** Sums of fewer rows are not worth a product. */
const FEW_ROWS = 16;

/** What losses and gradient rules say often, in terms of the operators. */
function compositeOperators(emitter: Emitter, g: Primitives) {
  return {
    /**
     * Rows of `depth` columns for indices [B]: 1 at the index, 0 elsewhere, float32. (ONNX's OneHot has no kernel for most type
     * combinations.)
     */
    oneHot: (indices: Value, depth: number): Value => {
      const columns = Array.from({ length: depth }, (_, column) => column);
      const range = emitter.constant(indices.type === "int64" ? int64(columns) : int32(columns));
      return g.cast(g.equal(g.unsqueeze(indices, [-1]), range), "float32");
    },
    /** Sums a value that was broadcast from `like` back to the shape of `like`. */
    sumTo: (x: Value, like: Value): Value => {
      const extra = x.shape.length - like.shape.length;
      const axes = x.shape.flatMap((size, axis) => (axis < extra || (like.shape[axis - extra] === 1 && size !== 1) ? [axis] : []));
      if (axes.length === 0) return x;
      const rows = elementCount(x.shape.slice(0, axes.length).map(Number));
      const isOfRows = axes.every((axis, index) => axis === index) && (x.type === "float32" || x.type === "float64");
      if (!isOfRows || !(rows >= FEW_ROWS)) return g.reshape(g.reduceSum(x, { axes, keepDims: true }), like.shape);
      // A product with a row of ones is no slower than ReduceSum, and up to four times as fast.
      const ones = g.expand(emitter.scalar(1, x.type), [1, rows]);
      return g.reshape(g.gemm(ones, g.reshape(x, [rows, -1])), like.shape);
    },
  };
}
