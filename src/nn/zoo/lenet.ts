import type { Graph } from "../../graph/graph.ts";
import { lecunUniform } from "../initializers.ts";
import { classifier, conv2d, linear } from "../layers.ts";

export interface LenetOptions {
  /** [C, 28, 28]. */
  readonly inputShape: readonly number[];
  readonly classes: number;
  readonly seed: number;
}

/**
 * LeNet-5 (LeCun et al., 1998, "Gradient-based learning applied to document recognition") as it is built today: ReLU and max
 * pooling, fully connected second convolution, 28×28 inputs padded by 2. 61,706 parameters on one channel and ten classes.
 */
export function lenet({ inputShape, classes, seed }: LenetOptions): Graph {
  return classifier("lenet-5", inputShape, seed, (network, x) => {
    const { g } = network;
    const c1 = g.relu(g.scope("conv1", () => conv2d(network, x, 6, 5, { padding: 2, bias: true })));
    const c2 = g.relu(g.scope("conv2", () => conv2d(network, g.maxPool(c1, [2, 2], { stride: 2 }), 16, 5, { padding: 0, bias: true })));
    const flat = g.flatten(g.maxPool(c2, [2, 2], { stride: 2 }));
    const f1 = g.relu(g.scope("fc1", () => linear(network, flat, 120)));
    const f2 = g.relu(g.scope("fc2", () => linear(network, f1, 84)));
    return g.scope("classifier", () => linear(network, f2, classes, { init: lecunUniform() }));
  });
}
