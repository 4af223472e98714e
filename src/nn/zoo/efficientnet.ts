import type { Graph } from "../../graph/graph.ts";
import { sigmoid, silu } from "../activations.ts";
import { constantInit, uniform } from "../initializers.ts";
import { invertedResidual } from "../inverted-residual.ts";
import { convNorm, dense, dropped, type ImageClassifierOptions, imageClassifier, pooled } from "../torch-layers.ts";
import { type Stem, scaleChannels } from "./width.ts";

/** Table 1 of the paper, B0: expansion, kernel, stride of the first block, channels, blocks. */
const stages = [
  { expansion: 1, kernel: 3, stride: 1, channels: 16, blocks: 1 },
  { expansion: 6, kernel: 3, stride: 2, channels: 24, blocks: 2 },
  { expansion: 6, kernel: 5, stride: 2, channels: 40, blocks: 2 },
  { expansion: 6, kernel: 3, stride: 2, channels: 80, blocks: 3 },
  { expansion: 6, kernel: 5, stride: 1, channels: 112, blocks: 3 },
  { expansion: 6, kernel: 5, stride: 2, channels: 192, blocks: 4 },
  { expansion: 6, kernel: 3, stride: 1, channels: 320, blocks: 1 },
] as const;
const STEM = 32;

export interface EfficientnetOptions extends ImageClassifierOptions {
  /** Multiplies every number of channels; 1 unless given. */
  readonly width?: number;
  /** "imagenet" unless given: a first convolution with stride 2. */
  readonly stem?: Stem;
  /** Probability of zeroing each feature that enters the classifier, while training; 0.2 unless given. */
  readonly dropout?: number;
}

/**
 * EfficientNet-B0 (Tan and Le, 2019, arXiv:1905.11946), torchvision's, without the stochastic depth that its training adds: 5,288,548
 * parameters with 1,000 classes. Hints: stage1 to stage5, the last feature map of each resolution, and pooled.
 */
export function efficientnetB0({ width = 1, stem = "imagenet", dropout = 0.2, ...options }: EfficientnetOptions): Graph {
  return imageClassifier("efficientnet-b0", options, (network, input) => {
    const { g, tap } = network;
    const features = g.scope("features", () => {
      const stride = stem === "imagenet" ? 2 : 1;
      let x = convNorm(network, "0", input, scaleChannels(STEM, width), 3, { stride, activation: silu });
      let resolution = 0;
      for (const [stage, { expansion, kernel, channels, blocks, ...first }] of stages.entries()) {
        for (let index = 0; index < blocks; index++) {
          const inputs = Number(x.shape[1]);
          const block = {
            expanded: scaleChannels(inputs, expansion),
            out: scaleChannels(channels, width),
            kernel,
            stride: index === 0 ? first.stride : 1,
            activation: silu,
            squeezeExcite: { channels: Math.max(1, Math.floor(inputs / 4)), activation: silu, gate: sigmoid },
          };
          x = g.scope(`${stage + 1}`, () => g.scope(`${index}`, () => invertedResidual(network, x, block)));
        }
        if (stages[stage + 1]?.stride !== 1) tap(`stage${++resolution}`, x);
      }
      return convNorm(network, `${stages.length + 1}`, x, 4 * Number(x.shape[1]), 1, { activation: silu });
    });
    const y = dropped(network, pooled(network, features), dropout);
    const init = uniform(1 / Math.sqrt(options.classes));
    return g.scope("classifier", () => dense(network, "1", y, options.classes, { init, biasInit: constantInit(0) }));
  });
}
