import type { Graph, Value } from "../../graph/graph.ts";
import { relu } from "../activations.ts";
import type { Network } from "../layers.ts";
import { convNorm, dense, type ImageClassifierOptions, imageClassifier } from "../torch-layers.ts";
import { scaleChannels } from "./width.ts";

export interface Resnet9Options extends ImageClassifierOptions {
  /** Multiplies every number of channels; 1 unless given. */
  readonly width?: number;
}

/** Of the logits, as published: without it they grow too fast at the learning rates that the network is made for. */
const LOGIT_SCALE = 0.125;

/**
 * ResNet-9 (Page, 2018, "How to train your ResNet"): the network that is best on CIFAR-10 for little training, 6,573,120 parameters with 10
 * classes. Most of its work is at low resolution, in dense 3×3 convolutions. Hints: stage1 to stage3, pooled.
 */
export function resnet9({ width = 1, ...options }: Resnet9Options): Graph {
  const [first, ...stages] = [64, 128, 256, 512].map((channels) => scaleChannels(channels, width)) as [number, ...number[]];
  return imageClassifier("resnet9", options, (network, input) => {
    const { g, tap } = network;
    let x = convNorm(network, "prep", input, first, 3, { activation: relu });
    for (const [index, filters] of stages.entries()) {
      const name = `layer${index + 1}`;
      x = g.scope(name, () => stage(network, x, filters, index !== 1));
      tap(`stage${index + 1}`, x);
    }
    const features = tap("pooled", g.flatten(g.maxPool(x, x.shape.slice(2).map(Number))));
    return g.mul(dense(network, "classifier", features, options.classes, { bias: false }), LOGIT_SCALE);
  });
}

function stage(network: Network, x: Value, filters: number, residual: boolean): Value {
  const { g } = network;
  const unit = (name: string, y: Value) => convNorm(network, name, y, filters, 3, { activation: relu });
  const halved = g.maxPool(unit("conv", x), [2, 2], { stride: 2 });
  return residual ? g.add(halved, unit("residual2", unit("residual1", halved))) : halved;
}
