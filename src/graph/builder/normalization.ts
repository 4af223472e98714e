import { float, int } from "../attributes.ts";
import type { Value } from "../graph.ts";
import { int64 } from "../tensor.ts";
import { only } from "./elementwise.ts";
import type { Emitter } from "./emitter.ts";

/** Normalisation layers' operators. */
export function normalizationOperators(emitter: Emitter) {
  return {
    /**
     * γ·(x − mean)/√(variance + ε) + β per channel of x [N, C, ...], with given statistics.
     *
     * @param kept How much of a running average stays at each step of training; ONNX's default, 0.9, unless given.
     */
    batchNormalization: (x: Value, scale: Value, bias: Value, mean: Value, variance: Value, epsilon = 1e-5, kept?: number): Value => {
      const attributes = { epsilon: float(epsilon), ...(kept === undefined ? {} : { momentum: float(kept) }) };
      return only(emitter.emit("BatchNormalization", [x, scale, bias, mean, variance], { attributes }));
    },
    /**
     * `batchNormalization` by the batch's own mean and (biased) variance over everything but the channels, which are given too, [C] each.
     *
     * ONNX Runtime's kernel writes outputs 1 and 2 over inputs 3 and 4 (the old averages, which momentum 0 leaves out of account), be they
     * constants or tensors of the user, and equal inputs of several nodes are one tensor to it. So each node gets two tensors of its own,
     * made of what tells it from every other node: x and the scale.
     */
    trainingBatchNormalization: (x: Value, scale: Value, bias: Value, epsilon = 1e-5): { y: Value; mean: Value; variance: Value } => {
      const axes = [...x.shape.keys()].filter((axis) => axis !== 1);
      const all = (number: number) => emitter.constant(int64(axes.map(() => number)));
      const corner = only(emitter.emit("Slice", [x, all(0), all(1), emitter.constant(int64(axes))]));
      const own = only(emitter.emit("Mul", [only(emitter.emit("Reshape", [corner, emitter.constant(int64([-1]))])), scale]));
      const attributes = { training_mode: int(1), momentum: float(0), epsilon: float(epsilon) };
      const outputs = emitter.emit("BatchNormalization", [x, scale, bias, own, only(emitter.emit("Neg", [own]))], {
        attributes,
        outputs: 3,
      });
      const [y, mean, variance] = outputs as [Value, Value, Value];
      return { y, mean, variance };
    },
    /** Normalises over `axis` and every later one; scale and bias have the shape of those axes. */
    layerNormalization: (
      x: Value,
      scale: Value,
      bias?: Value,
      { axis = -1, epsilon = 1e-5 }: { axis?: number; epsilon?: number } = {},
    ): Value =>
      only(
        emitter.emit("LayerNormalization", bias ? [x, scale, bias] : [x, scale], {
          attributes: { axis: int(axis), epsilon: float(epsilon) },
        }),
      ),
  };
}
