import type { Graph, Value } from "../../graph/graph.ts";
import { relu } from "../activations.ts";
import { dirac, type Initializer } from "../initializers.ts";
import type { Network } from "../layers.ts";
import { conv, dense, type ImageClassifierOptions, imageClassifier, norm } from "../torch-layers.ts";
import { scaleChannels } from "./width.ts";

export interface AirbenchOptions extends ImageClassifierOptions {
  /** Multiplies every number of channels but the first; 1 unless given. */
  readonly width?: number;
}

/** Published as 1/9, of twice as many features. */
const LOGIT_SCALE = 0.125;
/** ± the 12 directions of a patch of 2 × 2 × 3. */
const PATCH_DIRECTIONS = 24;

/**
 * The network of airbench94 (Jordan, 2024, arXiv:2404.00498), which is best on CIFAR-10 for least training; with ReLU in place of GELU, and
 * scales that are trained. 1,972,792 parameters with 10 classes. Convolutions start as the identity, as far as their channels go. `whiten` is
 * meant to be given the directions of the data's patches, and frozen (examples/cifar10/whitened.ts). Hints: stage1 to stage3, pooled.
 */
export function airbench({ width = 1, ...options }: AirbenchOptions): Graph {
  return imageClassifier("airbench", options, (network, input) => {
    const { g, tap } = network;
    let x = relu(g, conv(network, "whiten", input, PATCH_DIRECTIONS, 2, { bias: true, padding: 0 }));
    for (const [index, channels] of [64, 256, 256].entries()) {
      const name = `layer${index + 1}`;
      x = g.scope(name, () => stage(network, x, scaleChannels(channels, width)));
      tap(`stage${index + 1}`, x);
    }
    const features = tap("pooled", g.flatten(g.maxPool(x, x.shape.slice(2).map(Number))));
    return g.mul(dense(network, "classifier", features, options.classes, { bias: false }), LOGIT_SCALE);
  });
}

function stage(network: Network, x: Value, filters: number): Value {
  const { g } = network;
  const convolved = (name: string, y: Value, init: Initializer = dirac()) => conv(network, name, y, filters, 3, { init });
  const halved = relu(g, norm(network, "norm1", g.maxPool(convolved("conv1", x), [2, 2], { stride: 2 })));
  return relu(g, norm(network, "norm2", convolved("conv2", halved)));
}
