import { type GraphBuilder, graphBuilder } from "../graph/builder/builder.ts";
import type { WindowOptions } from "../graph/builder/window.ts";
import type { Graph, Shape, Value } from "../graph/graph.ts";
import { renameValues } from "../graph/rewrite/rename.ts";
import { type Random, randomFor } from "../random.ts";
import { constantInit, type Initializer, kaimingNormal, kaimingUniform } from "./initializers.ts";

/** What a layer needs to add itself to a network: where its nodes go and where its initial weights come from. */
export interface Network {
  readonly g: GraphBuilder;
  readonly random: Random;
  /** Gives a value of the network a name of its own in the finished graph, such as "stage2", so that hints can ask for it. Returns it. */
  readonly tap: (name: string, x: Value) => Value;
}

/** Names of a classifier's input and output, and of its symbolic batch dimension. */
export const INPUT = "input";
export const LOGITS = "logits";
export const BATCH = "N";

export interface NetworkOptions {
  /** Stands between the parts of a weight's name: "/" unless given; "." in networks that are named as PyTorch's are. */
  readonly separator?: string;
}

/**
 * Builds a classifier: one input [N, ...inputShape], one output `logits` [N, classes].
 *
 * @param seed Of the initial weights.
 */
export function classifier(
  name: string,
  inputShape: Shape,
  seed: number,
  body: (network: Network, x: Value) => Value,
  options?: NetworkOptions,
): Graph {
  const build = (network: Network) => ({ [LOGITS]: body(network, network.g.input(INPUT, "float32", [BATCH, ...inputShape])) });
  return buildNetwork(name, seed, build, options);
}

/**
 * Builds a network of any inputs and outputs.
 *
 * @param seed Of the initial weights, or what they are drawn from.
 * @param body Declares the inputs, and returns the outputs by name.
 */
export function buildNetwork(
  name: string,
  seed: number | Random,
  body: (network: Network) => Readonly<Record<string, Value>>,
  { separator }: NetworkOptions = {},
): Graph {
  const g = graphBuilder(name, separator);
  const taps = new Map<string, string>();
  const tap = (tapped: string, x: Value): Value => {
    taps.set(x.name, tapped);
    return x;
  };
  const outputs = body({ g, random: typeof seed === "number" ? randomFor(seed, 0x1417) : seed, tap });
  // A tapped value keeps the name of its own beside that of the output.
  for (const [output, value] of Object.entries(outputs)) g.output(taps.has(value.name) ? g.identity(value) : value, output);
  const graph = g.build();
  return taps.size === 0 ? graph : renameValues(graph, taps);
}

export interface LinearOptions {
  readonly bias?: boolean;
  readonly init?: Initializer;
  /** Zeros unless given. */
  readonly biasInit?: Initializer;
}

/** y = x·Wᵀ + b for x [N, inputs]; W [outputs, inputs]. */
export function linear(
  { g, random }: Network,
  x: Value,
  outputs: number,
  { bias = true, init = kaimingUniform(), biasInit = constantInit(0) }: LinearOptions = {},
): Value {
  const weight = g.initializer("weight", init([outputs, Number(x.shape.at(-1))], random));
  const offset = bias ? g.initializer("bias", biasInit([outputs], random)) : undefined;
  return g.gemm(x, weight, offset, { transposeB: true });
}

export interface ConvOptions extends WindowOptions {
  readonly groups?: number;
  readonly bias?: boolean;
  readonly init?: Initializer;
}

/** Convolution of x [N, C, H, W] with `filters` square kernels; "same" padding at stride 1 unless given. */
export function conv2d({ g, random }: Network, x: Value, filters: number, kernel: number, options: ConvOptions = {}): Value {
  const { groups = 1, bias = false, init = kaimingNormal("out"), padding = (kernel - 1) / 2, stride, dilation } = options;
  const weight = g.initializer("weight", init([filters, Number(x.shape[1]) / groups, kernel, kernel], random));
  const offset = bias ? g.initializer("bias", constantInit(0)([filters], random)) : undefined;
  return g.conv(x, weight, offset, { group: groups, padding, stride, dilation });
}

export interface BatchNormOptions {
  readonly epsilon?: number;
  /** How much of a batch's statistics goes into the running ones at each step of training, as in PyTorch; 0.1 unless given. */
  readonly momentum?: number;
  /** What scale, bias, running mean and running variance are called. */
  readonly names?: readonly [string, string, string, string];
}

/** Ioffe and Szegedy, 2015 (arXiv:1502.03167). Starts as the identity with unit statistics. */
export function batchNorm(
  { g, random }: Network,
  x: Value,
  { epsilon = 1e-5, momentum, names = ["scale", "bias", "mean", "variance"] }: BatchNormOptions = {},
): Value {
  const channels = [Number(x.shape[1])];
  const make = (name: string, value: number) => g.initializer(name, constantInit(value)(channels, random));
  const [scale, bias, mean, variance] = [make(names[0], 1), make(names[1], 0), make(names[2], 0), make(names[3], 1)];
  return g.batchNormalization(x, scale, bias, mean, variance, epsilon, momentum && 1 - momentum);
}

/** Convolution, batch normalisation, ReLU: the unit of most convolutional networks. */
export function convBnRelu(network: Network, x: Value, filters: number, kernel: number, options: ConvOptions = {}): Value {
  const { g } = network;
  const y = g.scope("conv", () => conv2d(network, x, filters, kernel, options));
  return g.relu(g.scope("bn", () => batchNorm(network, y)));
}
