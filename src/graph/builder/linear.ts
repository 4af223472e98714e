import { float, int } from "../attributes.ts";
import { MICROSOFT, type Value } from "../graph.ts";
import { only } from "./elementwise.ts";
import type { Emitter } from "./emitter.ts";

/** Matrix products. */
export function linearOperators(emitter: Emitter) {
  return {
    /** a·b over the last two axes, each optionally transposed first, times `alpha`; the leading axes broadcast. */
    matMul: (a: Value, b: Value, options: { transposeA?: boolean; transposeB?: boolean; alpha?: number } = {}): Value => {
      const { transposeA = false, transposeB = false, alpha = 1 } = options;
      if (!transposeA && !transposeB && alpha === 1) return only(emitter.emit("MatMul", [a, b]));
      const attributes = { transA: int(Number(transposeA)), transB: int(Number(transposeB)), alpha: float(alpha) };
      return only(emitter.emit("FusedMatMul", [a, b], { domain: MICROSOFT, attributes }));
    },
    /** alpha·A·B + beta·C for matrices, in ONNX's own operator. */
    gemm: (a: Value, b: Value, c?: Value, options: { transposeA?: boolean; transposeB?: boolean } = {}): Value =>
      only(
        emitter.emit("Gemm", c ? [a, b, c] : [a, b], {
          attributes: { transA: int(Number(options.transposeA ?? false)), transB: int(Number(options.transposeB ?? false)) },
        }),
      ),
  };
}
