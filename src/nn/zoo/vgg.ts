import type { Graph, Value } from "../../graph/graph.ts";
import { constantInit, normal } from "../initializers.ts";
import type { Network } from "../layers.ts";
import { conv, dense, type ImageClassifierOptions, imageClassifier, norm, pooled } from "../torch-layers.ts";
import { scaleChannels } from "./width.ts";

/** Channels of each 3×3 convolution, block by block. */
export const vggVariants = {
  vgg8: [[64], [128], [256], [512], [512]],
  vgg11: [[64], [128], [256, 256], [512, 512], [512, 512]],
  vgg13: [
    [64, 64],
    [128, 128],
    [256, 256],
    [512, 512],
    [512, 512],
  ],
  vgg16: [
    [64, 64],
    [128, 128],
    [256, 256, 256],
    [512, 512, 512],
    [512, 512, 512],
  ],
  vgg19: [
    [64, 64],
    [128, 128],
    [256, 256, 256, 256],
    [512, 512, 512, 512],
    [512, 512, 512, 512],
  ],
} as const;

export interface VggOptions extends ImageClassifierOptions {
  /** Multiplies every number of channels; 1 unless given. */
  readonly width?: number;
}

/**
 * VGG (Simonyan and Zisserman, 2014, arXiv:1409.1556) with batch normalisation and one linear layer, for small images, as the distillation
 * literature uses it (RepDistiller, mdistiller): 2×2 max pooling after each of the first three blocks, and after the fourth from 64 pixels
 * on; global average pooling. With 100 classes vgg8 has 3,965,028 parameters and vgg13 9,462,180. Hints: stage1 to stage5, pooled.
 */
export function vgg(variant: keyof typeof vggVariants, { width = 1, ...options }: VggOptions): Graph {
  return imageClassifier(variant, options, (network, input) => {
    const { g, tap } = network;
    const halvings = Number(options.inputShape[1]) >= 64 ? 4 : 3;
    let x = input;
    for (const [index, channels] of vggVariants[variant].entries()) {
      const scaled = channels.map((count) => scaleChannels(count, width));
      x = tap(`stage${index + 1}`, g.relu(g.scope(`block${index}`, () => block(network, x, scaled))));
      if (index < halvings) x = g.maxPool(x, [2, 2], { stride: 2 });
    }
    return dense(network, "classifier", pooled(network, x), options.classes, { init: normal(0.01), biasInit: constantInit(0) });
  });
}

/** Convolution, batch normalisation and ReLU for each number of channels, without the last ReLU. */
function block(network: Network, input: Value, channels: readonly number[]): Value {
  return channels.reduce((x, filters, index) => {
    const part = 3 * index;
    const active = index > 0 ? network.g.relu(x) : x;
    return norm(network, `${part + 1}`, conv(network, `${part}`, active, filters, 3, { bias: true }));
  }, input);
}
