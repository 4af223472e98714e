import type { Graph, Value } from "../../graph/graph.ts";
import { relu, relu6 } from "../activations.ts";
import { constantInit, normal } from "../initializers.ts";
import type { ConvOptions, Network } from "../layers.ts";
import { conv, convNorm, dense, dropped, type ImageClassifierOptions, imageClassifier, norm, pooled } from "../torch-layers.ts";
import { type Stem, scaleChannels } from "./width.ts";

/** Table 2 of the paper: expansion, channels, blocks, stride of the first. */
const stages = [
  { expansion: 1, channels: 16, blocks: 1, stride: 1 },
  { expansion: 6, channels: 24, blocks: 2, stride: 2 },
  { expansion: 6, channels: 32, blocks: 3, stride: 2 },
  { expansion: 6, channels: 64, blocks: 4, stride: 2 },
  { expansion: 6, channels: 96, blocks: 3, stride: 1 },
  { expansion: 6, channels: 160, blocks: 3, stride: 2 },
  { expansion: 6, channels: 320, blocks: 1, stride: 1 },
] as const;
const STEM = 32;
const HEAD = 1280;

export interface MobilenetV2Options extends ImageClassifierOptions {
  /** Multiplies every number of channels, that of the last convolution only upwards; 1 unless given. */
  readonly width?: number;
  /** "imagenet" unless given: a first convolution with stride 2. */
  readonly stem?: Stem;
  /** Probability of zeroing each feature that enters the classifier, while training; 0.2 unless given. */
  readonly dropout?: number;
}

/**
 * MobileNetV2 (Sandler et al., 2018, arXiv:1801.04381), torchvision's: 3,504,872 parameters with 1,000 classes. Hints: stage1 to stage5,
 * the last feature map of each resolution, and pooled.
 */
export function mobilenetV2({ width = 1, stem = "imagenet", dropout = 0.2, ...options }: MobilenetV2Options): Graph {
  return imageClassifier("mobilenet-v2", options, (network, input) => {
    const { g } = network;
    const features = g.scope("features", () => {
      const stride = stem === "imagenet" ? 2 : 1;
      let x = convNorm(network, "0", input, scaleChannels(STEM, width), 3, { stride, activation: relu6 });
      const blocks = stages.flatMap(({ expansion, channels, blocks, stride }) =>
        Array.from({ length: blocks }, (_, index) => ({ expansion, channels, stride: index === 0 ? stride : 1 })),
      );
      let stage = 0;
      for (const [index, { expansion, channels, stride }] of blocks.entries()) {
        x = g.scope(`${index + 1}`, () => invertedResidual(network, x, scaleChannels(channels, width), stride, expansion));
        if (blocks[index + 1]?.stride !== 1) network.tap(`stage${++stage}`, x);
      }
      return convNorm(network, `${blocks.length + 1}`, x, scaleChannels(HEAD, Math.max(1, width)), 1, { activation: relu6 });
    });
    const y = dropped(network, pooled(network, features), dropout);
    return g.scope("classifier", () => dense(network, "1", y, options.classes, { init: normal(0.01), biasInit: constantInit(0) }));
  });
}

/** Expansion, channels, blocks, stride of the first: the paper's half as wide, with fewer strides. */
const halfStages = [
  { expansion: 1, channels: 8, blocks: 1, stride: 1 },
  { expansion: 6, channels: 12, blocks: 2, stride: 1 },
  { expansion: 6, channels: 16, blocks: 3, stride: 2 },
  { expansion: 6, channels: 32, blocks: 4, stride: 2 },
  { expansion: 6, channels: 48, blocks: 3, stride: 1 },
  { expansion: 6, channels: 80, blocks: 3, stride: 2 },
  { expansion: 6, channels: 160, blocks: 1, stride: 1 },
] as const;

/**
 * MobileNetV2 for CIFAR as RepDistiller and mdistiller have it, half as wide, with ReLU and a convolution before every depthwise one:
 * 812,836 parameters with 100 classes. Hints: stage1 to stage4, the last feature map of each resolution, and pooled.
 */
export function mobilenetV2Half(options: ImageClassifierOptions): Graph {
  return imageClassifier("mobilenet-v2-half", options, (network, input) => {
    const { g, tap } = network;
    let x = convNorm(network, "conv1", input, STEM / 2, 3, { stride: 2, activation: relu });
    let resolution = 0;
    for (const [stage, { expansion, channels, blocks, ...first }] of halfStages.entries()) {
      for (let index = 0; index < blocks; index++) {
        const stride = index === 0 ? first.stride : 1;
        const next = () => halfInvertedResidual(network, x, channels, stride, expansion);
        x = g.scope(`blocks.${stage}`, () => g.scope(`${index}`, () => g.scope("conv", next)));
      }
      if (halfStages[stage + 1]?.stride !== 1) tap(`stage${++resolution}`, x);
    }
    const features = pooled(network, convNorm(network, "conv2", x, HEAD, 1, { activation: relu }));
    const init = { init: normal(0.01), biasInit: constantInit(0) };
    return g.scope("classifier", () => dense(network, "0", features, options.classes, init));
  });
}

/** 1×1 convolution to more channels, 3×3 depthwise convolution, linear 1×1 convolution; added to its input where the shapes allow it. */
function invertedResidual(network: Network, x: Value, filters: number, stride: number, expansion: number): Value {
  const { g } = network;
  const channels = Number(x.shape[1]);
  const hidden = channels * expansion;
  const y = g.scope("conv", () => {
    let y = x;
    let part = 0;
    if (expansion !== 1) y = convNorm(network, `${part++}`, y, hidden, 1, { activation: relu6 });
    y = convNorm(network, `${part++}`, y, hidden, 3, { stride, groups: hidden, activation: relu6 });
    return norm(network, `${part + 1}`, conv(network, `${part}`, y, filters, 1));
  });
  return stride === 1 && channels === filters ? g.add(x, y) : y;
}

/** The same in one flat sequence, with ReLU, and expanded even by a factor of 1. */
function halfInvertedResidual(network: Network, x: Value, filters: number, stride: number, expansion: number): Value {
  const { g } = network;
  const channels = Number(x.shape[1]);
  const hidden = channels * expansion;
  const layer = (index: number, y: Value, count: number, kernel: number, options?: ConvOptions): Value =>
    norm(network, `${index + 1}`, conv(network, `${index}`, y, count, kernel, options));
  const expanded = g.relu(layer(0, x, hidden, 1));
  const y = layer(6, g.relu(layer(3, expanded, hidden, 3, { stride, groups: hidden })), filters, 1);
  return stride === 1 && channels === filters ? g.add(x, y) : y;
}
