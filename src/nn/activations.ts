import { float } from "../graph/attributes.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";

/** A function applied to each element. */
export type Activation = (g: GraphBuilder, x: Value) => Value;

export const relu: Activation = (g, x) => g.relu(x);
/** min(max(x, 0), 6) (Krizhevsky, 2010; MobileNetV2). */
export const relu6: Activation = (g, x) => g.clip(x, 0, 6);
export const sigmoid: Activation = (g, x) => g.sigmoid(x);
/** x·sigmoid(x), also called swish (Elfwing et al., 2017, arXiv:1702.03118). */
export const silu: Activation = (g, x) => g.mul(x, g.sigmoid(x));
/** min(max(x/6 + 1/2, 0), 1): PyTorch's slope, where ONNX's default is 0.2. */
export const hardSigmoid: Activation = (g, x) =>
  g.emit("HardSigmoid", [x], { attributes: { alpha: float(1 / 6), beta: float(0.5) } })[0] as Value;
/** x·min(max(x/6 + 1/2, 0), 1) (MobileNetV3). */
export const hardSwish: Activation = (g, x) => g.hardSwish(x);
