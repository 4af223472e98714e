import type { Graph } from "../../graph/graph.ts";
import { type Activation, hardSigmoid, hardSwish, relu } from "../activations.ts";
import { constantInit, normal } from "../initializers.ts";
import { invertedResidual } from "../inverted-residual.ts";
import { convNorm, dense, dropped, type ImageClassifierOptions, imageClassifier, pooled } from "../torch-layers.ts";
import { type Stem, scaleChannels } from "./width.ts";

interface Block {
  readonly kernel: number;
  /** Channels of the depthwise convolution. */
  readonly expanded: number;
  readonly out: number;
  readonly squeezes: boolean;
  readonly activation: Activation;
  readonly stride: number;
}

/** A line of the paper's tables: kernel, expansion, channels, squeeze-excite, activation, stride. */
const line = (kernel: number, expanded: number, out: number, squeezes: boolean, activation: Activation, stride: number): Block => ({
  kernel,
  expanded,
  out,
  squeezes,
  activation,
  stride,
});

/** Tables 1 and 2 of the paper. */
export const mobilenetV3Variants = {
  "mobilenet-v3-large": {
    blocks: [
      line(3, 16, 16, false, relu, 1),
      line(3, 64, 24, false, relu, 2),
      line(3, 72, 24, false, relu, 1),
      line(5, 72, 40, true, relu, 2),
      line(5, 120, 40, true, relu, 1),
      line(5, 120, 40, true, relu, 1),
      line(3, 240, 80, false, hardSwish, 2),
      line(3, 200, 80, false, hardSwish, 1),
      line(3, 184, 80, false, hardSwish, 1),
      line(3, 184, 80, false, hardSwish, 1),
      line(3, 480, 112, true, hardSwish, 1),
      line(3, 672, 112, true, hardSwish, 1),
      line(5, 672, 160, true, hardSwish, 2),
      line(5, 960, 160, true, hardSwish, 1),
      line(5, 960, 160, true, hardSwish, 1),
    ],
    hidden: 1280,
  },
  "mobilenet-v3-small": {
    blocks: [
      line(3, 16, 16, true, relu, 2),
      line(3, 72, 24, false, relu, 2),
      line(3, 88, 24, false, relu, 1),
      line(5, 96, 40, true, hardSwish, 2),
      line(5, 240, 40, true, hardSwish, 1),
      line(5, 240, 40, true, hardSwish, 1),
      line(5, 120, 48, true, hardSwish, 1),
      line(5, 144, 48, true, hardSwish, 1),
      line(5, 288, 96, true, hardSwish, 2),
      line(5, 576, 96, true, hardSwish, 1),
      line(5, 576, 96, true, hardSwish, 1),
    ],
    hidden: 1024,
  },
} as const;
const STEM = 16;
/** torchvision's: slower averages, and a larger ε, than PyTorch's defaults. */
const norm = { epsilon: 1e-3, momentum: 0.01 };

export interface MobilenetV3Options extends ImageClassifierOptions {
  /** Multiplies every number of channels; 1 unless given. */
  readonly width?: number;
  /** "imagenet" unless given: a first convolution with stride 2. */
  readonly stem?: Stem;
  /** Probability of zeroing each feature that enters the last layer, while training; 0.2 unless given. */
  readonly dropout?: number;
}

/**
 * MobileNetV3 (Howard et al., 2019, arXiv:1905.02244), torchvision's: with 1,000 classes 2,542,856 parameters (small) and 5,483,032
 * (large). Hints: stage1 to stage4 (small) or stage5 (large), the last feature map of each resolution, and pooled.
 */
export function mobilenetV3(variant: keyof typeof mobilenetV3Variants, options: MobilenetV3Options): Graph {
  const { width = 1, stem = "imagenet", dropout = 0.2, ...rest } = options;
  const { hidden, blocks }: { readonly hidden: number; readonly blocks: readonly Block[] } = mobilenetV3Variants[variant];
  const scaled = (channels: number): number => scaleChannels(channels, width);
  return imageClassifier(variant, rest, (network, input) => {
    const { g, tap } = network;
    const features = g.scope("features", () => {
      let x = convNorm(network, "0", input, scaled(STEM), 3, { stride: stem === "imagenet" ? 2 : 1, activation: hardSwish, norm });
      let stage = 0;
      for (const [index, { squeezes, ...block }] of blocks.entries()) {
        const expanded = scaled(block.expanded);
        const squeeze = { channels: scaleChannels(Math.floor(expanded / 4), 1), activation: relu, gate: hardSigmoid };
        const scaledBlock = { ...block, expanded, out: scaled(block.out), norm, squeezeExcite: squeezes ? squeeze : undefined };
        x = g.scope(`${index + 1}`, () => invertedResidual(network, x, scaledBlock));
        if (blocks[index + 1]?.stride !== 1) tap(`stage${++stage}`, x);
      }
      return convNorm(network, `${blocks.length + 1}`, x, 6 * Number(x.shape[1]), 1, { activation: hardSwish, norm });
    });
    return g.scope("classifier", () => {
      const init = { init: normal(0.01), biasInit: constantInit(0) };
      const y = g.hardSwish(dense(network, "0", pooled(network, features), scaled(hidden), init));
      return dense(network, "3", dropped(network, y, dropout), options.classes, init);
    });
  });
}
