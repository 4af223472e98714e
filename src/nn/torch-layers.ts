import { LimbeckError } from "../errors.ts";
import { formatShape, type Graph, type Value } from "../graph/graph.ts";
import type { Activation } from "./activations.ts";
import { constantInit, lecunUniform, uniform } from "./initializers.ts";
import {
  type BatchNormOptions,
  batchNorm,
  type ConvOptions,
  classifier,
  conv2d,
  type LinearOptions,
  linear,
  type Network,
} from "./layers.ts";

// Parts of networks whose weights have the names and layouts of a PyTorch `state_dict`: `conv(network, "conv1", x, 64, 3)` stores
// `conv1.weight` [64, C, 3, 3] within the current scope, and scopes are joined by dots.

/** What every image classifier of the zoo is made for. */
export interface ImageClassifierOptions {
  /** Of one sample, [C, H, W]. */
  readonly inputShape: readonly number[];
  readonly classes: number;
  /** Of the initial weights. */
  readonly seed: number;
}

/**
 * A classifier of images [N, C, H, W] with PyTorch's names.
 *
 * @throws LimbeckError when the samples are no images.
 */
export function imageClassifier(
  name: string,
  { inputShape, seed }: ImageClassifierOptions,
  body: (network: Network, x: Value) => Value,
): Graph {
  if (inputShape.length !== 3) {
    throw new LimbeckError(`${name} takes images, [channels, height, width], but the samples are ${formatShape(inputShape)}.`, {
      hint: "Use images, or a network for plain features such as mlp.",
    });
  }
  return classifier(name, inputShape, seed, body, { separator: "." });
}

/** `conv2d` with its weights under `name`. */
export function conv(network: Network, name: string, x: Value, filters: number, kernel: number, options?: ConvOptions): Value {
  return network.g.scope(name, () => conv2d(network, x, filters, kernel, options));
}

/** Batch normalisation with its weights, running_mean and running_var under `name`. */
export function norm(network: Network, name: string, x: Value, options: BatchNormOptions = {}): Value {
  const names = ["weight", "bias", "running_mean", "running_var"] as const;
  return network.g.scope(name, () => batchNorm(network, x, { names, ...options }));
}

/** Normalises x over its last axis, each position by itself (Ba et al., 2016, arXiv:1607.06450), with weight and bias under `name`. */
export function layerNorm({ g, random }: Network, name: string, x: Value, epsilon: number): Value {
  const features = [Number(x.shape.at(-1))];
  return g.scope(name, () => {
    const weight = g.initializer("weight", constantInit(1)(features, random));
    const bias = g.initializer("bias", constantInit(0)(features, random));
    return g.layerNormalization(x, weight, bias, { epsilon });
  });
}

/** `linear` with its weights under `name`; they start as PyTorch's do, weight and bias uniform in ±1/√inputs, unless said otherwise. */
export function dense(network: Network, name: string, x: Value, outputs: number, options: LinearOptions = {}): Value {
  const biasInit = uniform(1 / Math.sqrt(Number(x.shape.at(-1))));
  return network.g.scope(name, () => linear(network, x, outputs, { init: lecunUniform(), biasInit, ...options }));
}

export interface ConvNormOptions extends ConvOptions {
  /** None unless given. */
  readonly activation?: Activation;
  readonly norm?: BatchNormOptions;
}

/** torchvision's Conv2dNormActivation: a convolution without bias `NAME.0`, its batch normalisation `NAME.1`, and an activation. */
export function convNorm(network: Network, name: string, x: Value, filters: number, kernel: number, options: ConvNormOptions = {}): Value {
  const { activation, norm: normOptions, ...window } = options;
  return network.g.scope(name, () => {
    const y = norm(network, "1", conv(network, "0", x, filters, kernel, window), normOptions);
    return activation ? activation(network.g, y) : y;
  });
}

/** The mean over all positions of x [N, C, H, W]: the value `pooled`, [N, C]. */
export function pooled({ g, tap }: Network, x: Value): Value {
  return tap("pooled", g.flatten(g.globalAveragePool(x)));
}

/** Dropout with probability `ratio` before a layer that ends the network; nothing at 0. */
export function dropped({ g }: Network, x: Value, ratio: number): Value {
  return ratio > 0 ? g.dropout(x, ratio) : x;
}
