import { type GraphBuilder, graphBuilder } from "../graph/builder/builder.ts";
import type { WindowOptions } from "../graph/builder/window.ts";
import type { Graph, Shape, Value } from "../graph/graph.ts";
import { type Random, randomFor } from "../random.ts";
import { constantInit, type Initializer, kaimingNormal, kaimingUniform } from "./initializers.ts";

/** What a layer needs to add itself to a network: where its nodes go and where its initial weights come from. */
export interface Network {
  readonly g: GraphBuilder;
  readonly random: Random;
}

/** Names of a classifier's input and output, and of its symbolic batch dimension. */
export const INPUT = "input";
export const LOGITS = "logits";
export const BATCH = "N";

/**
 * Builds a classifier: one input [N, ...inputShape], one output `logits` [N, classes].
 *
 * @param seed Of the initial weights.
 */
export function classifier(name: string, inputShape: Shape, seed: number, body: (network: Network, x: Value) => Value): Graph {
  const g = graphBuilder(name);
  const logits = body({ g, random: randomFor(seed, 0x1417) }, g.input(INPUT, "float32", [BATCH, ...inputShape]));
  g.output(logits, LOGITS);
  return g.build();
}

export interface LinearOptions {
  readonly bias?: boolean;
  readonly init?: Initializer;
}

/** y = x·Wᵀ + b for x [N, inputs]; W [outputs, inputs]. */
export function linear(
  { g, random }: Network,
  x: Value,
  outputs: number,
  { bias = true, init = kaimingUniform() }: LinearOptions = {},
): Value {
  const weight = g.initializer("weight", init([outputs, Number(x.shape.at(-1))], random));
  const offset = bias ? g.initializer("bias", constantInit(0)([outputs], random)) : undefined;
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

/** Ioffe and Szegedy, 2015 (arXiv:1502.03167). Starts as the identity with unit statistics. */
export function batchNorm({ g, random }: Network, x: Value, epsilon = 1e-5): Value {
  const channels = [Number(x.shape[1])];
  const make = (name: string, value: number) => g.initializer(name, constantInit(value)(channels, random));
  return g.batchNormalization(x, make("scale", 1), make("bias", 0), make("mean", 0), make("variance", 1), epsilon);
}

/** Convolution, batch normalisation, ReLU: the unit of most convolutional networks. */
export function convBnRelu(network: Network, x: Value, filters: number, kernel: number, options: ConvOptions = {}): Value {
  const { g } = network;
  const y = g.scope("conv", () => conv2d(network, x, filters, kernel, options));
  return g.relu(g.scope("bn", () => batchNorm(network, y)));
}
