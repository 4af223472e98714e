import type { Graph, Value } from "../../graph/graph.ts";
import type { Network } from "../layers.ts";
import { conv, dense, type ImageClassifierOptions, imageClassifier, norm, pooled } from "../torch-layers.ts";
import { type Stem, scaleChannels } from "./width.ts";

interface ResnetVariant {
  readonly stem: Stem;
  readonly block: "basic" | "bottleneck";
  /** Of the first convolution, then of the 3×3 convolutions of each stage. */
  readonly channels: readonly number[];
  /** Blocks of each stage. */
  readonly depths: readonly number[];
}

/** For CIFAR (section 4.2 of the paper): depth 6n + 2, three stages of n blocks; a width of 4 as RepDistiller has it. */
const cifar = (n: number, channels: readonly number[] = [16, 16, 32, 64]): ResnetVariant => ({
  stem: "cifar",
  block: "basic",
  channels,
  depths: [n, n, n],
});
const imagenet = (block: ResnetVariant["block"], depths: readonly number[]): ResnetVariant => ({
  stem: "imagenet",
  block,
  channels: [64, 64, 128, 256, 512],
  depths,
});

const variants = {
  resnet8: cifar(1),
  resnet14: cifar(2),
  resnet20: cifar(3),
  resnet32: cifar(5),
  resnet44: cifar(7),
  resnet56: cifar(9),
  resnet110: cifar(18),
  resnet8x4: cifar(1, [32, 64, 128, 256]),
  resnet32x4: cifar(5, [32, 64, 128, 256]),
  resnet18: imagenet("basic", [2, 2, 2, 2]),
  resnet34: imagenet("basic", [3, 4, 6, 3]),
  resnet50: imagenet("bottleneck", [3, 4, 6, 3]),
};
export const resnetVariants: Readonly<Record<keyof typeof variants, ResnetVariant>> = variants;

export interface ResnetOptions extends ImageClassifierOptions {
  /** Multiplies every number of channels; 1 unless given. */
  readonly width?: number;
  /** The variant's own unless given. */
  readonly stem?: Stem;
}

/** Channels that a bottleneck block gives for each of its 3×3 convolution. */
const EXPANSION = 4;

/**
 * ResNet (He et al., 2015, arXiv:1512.03385). resnet18, 34 and 50 are torchvision's: 11,689,512, 21,797,672 and 25,557,032 parameters with
 * 1,000 classes. The others are RepDistiller's for CIFAR, with projections where a shortcut changes shape: with 100 classes resnet20 has
 * 278,324 parameters, resnet56 861,620, resnet110 1,736,564, resnet8x4 1,233,540 and resnet32x4 7,433,860. Hints: stage1 to stage3 or 4,
 * pooled.
 */
export function resnet(variant: keyof typeof variants, { width = 1, stem, ...options }: ResnetOptions): Graph {
  const { block, channels, depths, stem: own } = resnetVariants[variant];
  const [first, ...stages] = channels.map((count) => scaleChannels(count, width)) as [number, ...number[]];
  return imageClassifier(variant, options, (network, input) => {
    const { g, tap } = network;
    let x = beginning(network, input, first, stem ?? own);
    for (const [stage, filters] of stages.entries()) {
      for (let index = 0; index < (depths[stage] as number); index++) {
        const stride = stage > 0 && index === 0 ? 2 : 1;
        x = g.scope(`layer${stage + 1}`, () => g.scope(`${index}`, () => blocks[block](network, x, filters, stride)));
      }
      tap(`stage${stage + 1}`, x);
    }
    return dense(network, "fc", pooled(network, x), options.classes);
  });
}

function beginning(network: Network, x: Value, filters: number, stem: Stem): Value {
  const { g } = network;
  const [kernel, stride] = stem === "imagenet" ? [7, 2] : [3, 1];
  const y = g.relu(norm(network, "bn1", conv(network, "conv1", x, filters, kernel, { stride })));
  return stem === "imagenet" ? g.maxPool(y, [3, 3], { stride: 2, padding: 1 }) : y;
}

const blocks = {
  /** Two 3×3 convolutions. */
  basic: (network: Network, x: Value, filters: number, stride: number): Value => {
    const { g } = network;
    const y = g.relu(norm(network, "bn1", conv(network, "conv1", x, filters, 3, { stride })));
    const z = norm(network, "bn2", conv(network, "conv2", y, filters, 3));
    return g.relu(g.add(z, shortcut(network, x, filters, stride)));
  },
  /** 1×1, 3×3, 1×1; the stride is in the 3×3, as in torchvision ("v1.5"), not in the paper's first 1×1. */
  bottleneck: (network: Network, x: Value, filters: number, stride: number): Value => {
    const { g } = network;
    const y = g.relu(norm(network, "bn1", conv(network, "conv1", x, filters, 1)));
    const z = g.relu(norm(network, "bn2", conv(network, "conv2", y, filters, 3, { stride })));
    const out = norm(network, "bn3", conv(network, "conv3", z, EXPANSION * filters, 1));
    return g.relu(g.add(out, shortcut(network, x, EXPANSION * filters, stride)));
  },
};

/** The block's input, projected where the shape changes. */
function shortcut(network: Network, x: Value, filters: number, stride: number): Value {
  if (stride === 1 && x.shape[1] === filters) return x;
  return network.g.scope("downsample", () => norm(network, "1", conv(network, "0", x, filters, 1, { stride })));
}
