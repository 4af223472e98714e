import { float, int } from "../attributes.ts";
import type { Value } from "../graph.ts";
import { only } from "./elementwise.ts";
import type { Emitter } from "./emitter.ts";

/** Normalisation layers' operators. */
export function normalizationOperators(emitter: Emitter) {
  return {
    /** γ·(x − mean)/√(variance + ε) + β per channel of x [N, C, ...], with given statistics. */
    batchNormalization: (x: Value, scale: Value, bias: Value, mean: Value, variance: Value, epsilon = 1e-5): Value =>
      only(emitter.emit("BatchNormalization", [x, scale, bias, mean, variance], { attributes: { epsilon: float(epsilon) } })),
    /** Normalises over `axis` and every later one; scale and bias have the shape of those axes. */
    layerNormalization: (x: Value, scale: Value, bias?: Value, { axis = -1, epsilon = 1e-5 }: { axis?: number; epsilon?: number } = {}): Value =>
      only(emitter.emit("LayerNormalization", bias ? [x, scale, bias] : [x, scale], { attributes: { axis: int(axis), epsilon: float(epsilon) } })),
  };
}
