import type { Graph } from "../../graph/graph.ts";
import { lecunUniform } from "../initializers.ts";
import { classifier, convBnRelu, linear } from "../layers.ts";

export interface SmallCnnOptions {
  /** [C, H, W]. */
  readonly inputShape: readonly number[];
  readonly classes: number;
  /** Channels of each stage; each later stage halves the resolution first. */
  readonly channels?: readonly number[];
  /** Convolutions in each stage. */
  readonly depth?: number;
  /** Units of a fully connected layer over all positions; without it the positions are averaged. */
  readonly hidden?: number;
  /** Probability of zeroing each feature that enters the classifier, while training. */
  readonly dropout?: number;
  readonly seed: number;
}

/**
 * A small convolutional network for small images: stages of 3×3 convolutions with batch normalisation and ReLU, a strided
 * convolution between stages, global average pooling (or a hidden layer over all positions) and one linear layer.
 */
export function smallCnn({ inputShape, classes, channels = [32, 64, 128], depth = 2, hidden, dropout = 0, seed }: SmallCnnOptions): Graph {
  return classifier(`small-cnn-${channels.join("-")}x${depth}`, inputShape, seed, (network, input) => {
    const { g } = network;
    let x = input;
    channels.forEach((width, stage) => {
      for (let unit = 0; unit < depth; unit++) {
        const stride = stage > 0 && unit === 0 ? 2 : 1;
        x = g.scope(`stage${stage + 1}`, () => g.scope(`unit${unit + 1}`, () => convBnRelu(network, x, width, 3, { stride })));
      }
    });
    const flat = hidden ? g.relu(g.scope("hidden", () => linear(network, g.flatten(x), hidden))) : g.flatten(g.globalAveragePool(x));
    const features = dropout > 0 ? g.dropout(flat, dropout) : flat;
    return g.scope("classifier", () => linear(network, features, classes, { init: lecunUniform() }));
  });
}
