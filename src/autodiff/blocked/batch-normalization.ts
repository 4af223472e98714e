import { float } from "../../graph/attributes.ts";
import type { Activation } from "../../graph/builder/blocked.ts";
import type { GraphBuilder } from "../../graph/builder/builder.ts";
import type { Value } from "../../graph/graph.ts";
import { elementCount, float32 } from "../../graph/tensor.ts";
import { composite } from "../composite.ts";
import { sizesOf } from "../rule.ts";
import { type Blocked, channelDots, channelMeans, cutTo, extentOf, filledUp } from "./layout.ts";

/** A blocked image with what batch normalisation needs to know of it, per channel [C filled up]. */
export interface Normalized {
  readonly x: Blocked;
  /** [C] */
  readonly scale: Value;
  /** [C] */
  readonly bias: Value;
  readonly mean: Value;
  /** 1/√(variance + ε) */
  readonly inverse: Value;
  /** slope·x + shift is the normalised image. */
  readonly slope: Value;
  readonly shift: Value;
}

/**
 * Batch normalisation by the batch's own statistics (Ioffe and Szegedy, 2015, arXiv:1502.03167), without the normalised image itself:
 * `applyNormalized` makes that, with what comes after it, in one pass.
 *
 * The variance is the mean of squares less the square of the mean, from one pass over x, as in Flax and other frameworks: its error is
 * that of float32 times 1 + mean²/variance.
 *
 * @returns Also mean and (biased) variance of each of the C channels.
 */
export function batchNormalized(
  g: GraphBuilder,
  x: Blocked,
  scale: Value,
  bias: Value,
  epsilon: number,
): Normalized & { readonly statistics: { readonly mean: Value; readonly variance: Value } } {
  const mean = channelMeans(g, x);
  const variance = g.max(g.sub(channelDots(g, x, x.value), g.mul(mean, mean)), 0);
  const statistics = { mean: cutTo(g, mean, [x.channels]), variance: cutTo(g, variance, [x.channels]) };
  return { ...normalizedBy(g, x, scale, bias, { mean, variance }, epsilon), statistics };
}

/**
 * Normalisation by given statistics per channel, [C] or [C filled up]. What `applyNormalized` makes of it has the gradient of one by the
 * batch's own, so others must not be differentiated.
 */
export function normalizedBy(
  g: GraphBuilder,
  x: Blocked,
  scale: Value,
  bias: Value,
  statistics: { readonly mean: Value; readonly variance: Value },
  epsilon: number,
): Normalized {
  const filled = (value: Value) => filledUp(g, value, [extentOf(x).blocks * x.block]);
  const mean = filled(statistics.mean);
  const inverse = inverseDeviation(g, filled(statistics.variance), epsilon);
  const slope = g.mul(filled(scale), inverse);
  return { x, scale, bias, mean, inverse, slope, shift: g.sub(filled(bias), g.mul(mean, slope)) };
}

/** 1/√(variance + ε), by one small node instead of three: batch normalisation of ones. */
function inverseDeviation(g: GraphBuilder, variance: Value, epsilon: number): Value {
  const all = (number: number, shape = sizesOf(variance)) => g.constant(float32(new Float32Array(elementCount(shape)).fill(number), shape));
  const [ones, zeros] = [all(1), all(0)];
  return g.reshape(g.batchNormalization(all(1, [1, ...sizesOf(variance)]), ones, zeros, zeros, variance, epsilon), sizesOf(variance));
}

/** activation(normalised x + sum), where a residual network adds its shortcut and what activates comes after that. */
export function applyNormalized(g: GraphBuilder, normalized: Normalized, options: { sum?: Value; activation?: Activation } = {}): Blocked {
  const { x, scale, bias, slope, shift } = normalized;
  const { sum, activation } = options;
  const [value] = composite(g, [x.value, scale, bias, sum], () => {
    const y = affine(g, x, x.value, slope, { bias: shift, sum, activation });
    return { outputs: [y], rule: ([dy]) => gradients(g, normalized, throughActivation(g, y, dy as Value, activation), sum) };
  }) as [Value];
  return { ...x, value };
}

/** slope·x + bias per channel, plus `sum`, activated: a depthwise convolution with a kernel of one pixel. */
function affine(
  g: GraphBuilder,
  like: Blocked,
  x: Value,
  slope: Value,
  options: { bias?: Value; sum?: Value; activation?: Activation },
): Value {
  const channels = extentOf(like).blocks * like.block;
  const window = { kernel: [1, 1], strides: [1, 1], dilations: [1, 1], padsBegin: [0, 0], padsEnd: [0, 0] };
  return g.blockedConv(x, g.reshape(slope, [channels, 1, 1, 1]), window, { group: channels, ...options });
}

/** Gradients to x, γ, β and the summand, from that to what is activated. */
function gradients(g: GraphBuilder, { x, mean, inverse, slope }: Normalized, dz: Value, sum: Value | undefined) {
  const { batch, pixels } = extentOf(x);
  const count = batch * pixels;
  const meanOfDz = channelMeans(g, { ...x, value: dz });
  // −dγ/m, from dγ = Σ dz·x̂ with x̂ = r·(x - μ)
  const viaScale = g.mul(inverse, g.sub(g.mul(mean, meanOfDz), channelDots(g, x, dz)));
  // dx = slope·(dz - Σdz/m - x̂·dγ/m), as slope·dz + (perElement·x + constant)
  const perElement = g.mul(g.mul(slope, inverse), viaScale);
  const constant = g.neg(g.add(g.mul(slope, meanOfDz), g.mul(perElement, mean)));
  const dx = affine(g, x, dz, slope, { bias: constant, sum: affine(g, x, x.value, perElement, {}) });
  const perChannel = (value: Value, factor: number) => g.mul(cutTo(g, value, [x.channels]), factor);
  return [dx, perChannel(viaScale, -count), perChannel(meanOfDz, count), sum && dz];
}

/** Any number above 0 that isn't denormal is 1 or more after this factor. */
const STEEP = 2 ** 126;

/** dz of y = activation(z), told from y: a mask in one pass for one bound, and in booleans, which are short, for two. */
function throughActivation(g: GraphBuilder, y: Value, dy: Value, activation: Activation | undefined): Value {
  if (!activation) return dy;
  if (activation.kind === "Relu") {
    const attributes = { alpha: float(STEEP), beta: float(0) };
    return g.mul(dy, g.emit("HardSigmoid", [y], { attributes })[0] as Value);
  }
  return g.mul(dy, g.cast(g.and(g.greater(y, activation.low), g.less(y, activation.high)), y.type));
}
