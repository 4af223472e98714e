import type { Value } from "../graph/graph.ts";
import type { Activation } from "./activations.ts";
import type { BatchNormOptions, Network } from "./layers.ts";
import { conv, convNorm } from "./torch-layers.ts";

export interface SqueezeExciteOptions {
  /** Channels in between. */
  readonly channels: number;
  readonly activation: Activation;
  /** Maps to 0..1. */
  readonly gate: Activation;
}

/**
 * Squeeze and excitation (Hu et al., 2017, arXiv:1709.01507): each channel of x [N, C, H, W] times a weight from 0 to 1 that depends on the
 * means of all channels.
 */
export function squeezeExcite(network: Network, name: string, x: Value, { channels, activation, gate }: SqueezeExciteOptions): Value {
  const { g } = network;
  return g.scope(name, () => {
    const squeezed = activation(g, conv(network, "fc1", g.globalAveragePool(x), channels, 1, { bias: true }));
    return g.mul(x, gate(g, conv(network, "fc2", squeezed, Number(x.shape[1]), 1, { bias: true })));
  });
}

export interface InvertedResidualOptions {
  /** Channels of the depthwise convolution. */
  readonly expanded: number;
  readonly out: number;
  readonly kernel: number;
  readonly stride: number;
  readonly activation: Activation;
  readonly squeezeExcite?: SqueezeExciteOptions;
  readonly norm?: BatchNormOptions;
}

/**
 * The block of MobileNetV3 and EfficientNet: 1×1 convolution to more channels (left out where there are no more), depthwise convolution,
 * squeeze and excitation, 1×1 convolution to few channels; added to its input where the shapes allow it.
 */
export function invertedResidual(network: Network, x: Value, options: InvertedResidualOptions): Value {
  const { expanded, out, kernel, stride, activation, norm } = options;
  const { g } = network;
  const channels = Number(x.shape[1]);
  const y = g.scope("block", () => {
    let y = x;
    let part = 0;
    if (expanded !== channels) y = convNorm(network, `${part++}`, y, expanded, 1, { activation, norm });
    y = convNorm(network, `${part++}`, y, expanded, kernel, { stride, groups: expanded, activation, norm });
    if (options.squeezeExcite) y = squeezeExcite(network, `${part++}`, y, options.squeezeExcite);
    return convNorm(network, `${part}`, y, out, 1, { norm });
  });
  return stride === 1 && channels === out ? g.add(x, y) : y;
}
