import type { Graph, Value } from "../../graph/graph.ts";
import { constantInit, truncatedNormal } from "../initializers.ts";
import type { ConvOptions, Network } from "../layers.ts";
import { conv, dense, type ImageClassifierOptions, imageClassifier, layerNorm, pooled } from "../torch-layers.ts";
import { type Stem, scaleChannels } from "./width.ts";

/** Channels and blocks of each stage. */
export const convnextVariants = {
  "convnext-tiny": { channels: [96, 192, 384, 768], depths: [3, 3, 9, 3] },
} as const;

export interface ConvnextOptions extends ImageClassifierOptions {
  /** Multiplies every number of channels; 1 unless given. */
  readonly width?: number;
  /** "imagenet" unless given: non-overlapping patches of 4×4. */
  readonly stem?: Stem;
}

const EPSILON = 1e-6;
const LAYER_SCALE = 1e-6;
const init = truncatedNormal(0.02);
const zero = constantInit(0);

/**
 * ConvNeXt (Liu et al., 2022, arXiv:2201.03545), torchvision's, without the stochastic depth that its training adds: convnext-tiny has
 * 28,589,128 parameters with 1,000 classes. Hints: stage1 to stage4, pooled.
 */
export function convnext(variant: keyof typeof convnextVariants, options: ConvnextOptions): Graph {
  const { width = 1, stem = "imagenet", ...rest } = options;
  const { channels, depths } = convnextVariants[variant];
  return imageClassifier(variant, rest, (network, input) => {
    const { g, tap } = network;
    let x = input;
    for (const [stage, count] of channels.entries()) {
      const filters = scaleChannels(count, width);
      x = g.scope(`features.${2 * stage}`, () => (stage === 0 ? patches(network, x, filters, stem) : halved(network, x, filters)));
      for (let index = 0; index < (depths[stage] as number); index++) {
        x = g.scope(`features.${2 * stage + 1}`, () => g.scope(`${index}`, () => block(network, x)));
      }
      tap(`stage${stage + 1}`, x);
    }
    return g.scope("classifier", () => {
      const features = layerNorm(network, "0", pooled(network, x), EPSILON);
      return dense(network, "2", features, options.classes, { init, biasInit: zero });
    });
  });
}

/** The stem: patches, or every position of a small image, normalised. */
function patches(network: Network, x: Value, filters: number, stem: Stem): Value {
  const window: ConvOptions = stem === "imagenet" ? { stride: 4, padding: 0 } : {};
  const y = conv(network, "0", x, filters, stem === "imagenet" ? 4 : 3, { ...window, bias: true, init });
  return channelsFirst(network, layerNorm(network, "1", channelsLast(network, y), EPSILON));
}

/** Half the resolution between stages. */
function halved(network: Network, x: Value, filters: number): Value {
  const y = channelsFirst(network, layerNorm(network, "0", channelsLast(network, x), EPSILON));
  return conv(network, "1", y, filters, 2, { stride: 2, padding: 0, bias: true, init });
}

/** x + scale·f(x), where f is a 7×7 depthwise convolution, layer normalisation, and a GELU layer of four times the channels. */
function block(network: Network, x: Value): Value {
  const { g, random } = network;
  const [batch, channels, height, width] = x.shape as [string, number, number, number];
  const y = g.scope("block", () => {
    const mixed = conv(network, "0", x, channels, 7, { groups: channels, bias: true, init });
    // One row per position, so that the two linear layers are plain matrix products.
    const rows = g.reshape(layerNorm(network, "2", channelsLast(network, mixed), EPSILON), ["positions", channels]);
    const hidden = g.gelu(dense(network, "3", rows, 4 * channels, { init, biasInit: zero }));
    const out = dense(network, "5", hidden, channels, { init, biasInit: zero });
    return channelsFirst(network, g.reshape(out, [batch, height, width, channels]));
  });
  const scale = g.initializer("layer_scale", constantInit(LAYER_SCALE)([channels, 1, 1], random));
  return g.add(x, g.mul(y, scale));
}

const channelsLast = ({ g }: Network, x: Value): Value => g.transpose(x, [0, 2, 3, 1]);
const channelsFirst = ({ g }: Network, x: Value): Value => g.transpose(x, [0, 3, 1, 2]);
