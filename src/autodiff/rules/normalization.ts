import { float, floatAttribute, int, intAttribute, ints } from "../../graph/attributes.ts";
import type { GraphBuilder } from "../../graph/builder/builder.ts";
import type { Value } from "../../graph/graph.ts";
import { elementCount } from "../../graph/tensor.ts";
import { type GradientContext, type GradientRule, type GradientRules, sizesOf } from "../rule.ts";
import { alongChannels, channelAffine, channelDot, channelSum } from "./channels.ts";

const epsilonOf = ({ node }: GradientContext): number => floatAttribute(node, "epsilon", 1e-5);

/** r = 1/√(variance + ε) */
const inverseDeviation = (g: GraphBuilder, variance: Value, epsilon: number): Value => g.reciprocal(g.sqrt(g.add(variance, epsilon)));

const batchNormalization: GradientRule = (context) =>
  intAttribute(context.node, "training_mode", 0) ? byBatchStatistics(context) : byGivenStatistics(context);

/** y = γ·r·(x - μ) + β with given μ and σ², r = 1/√(σ² + ε): affine in x, channel by channel. */
function byGivenStatistics(context: GradientContext): readonly Value[] {
  const { g } = context;
  const [x, scale, , mean, variance] = context.inputs as [Value, Value, Value, Value, Value];
  const dy = context.grads[0] as Value;
  const r = inverseDeviation(g, variance, epsilonOf(context));
  const slope = g.mul(scale, r);
  const dBias = channelSum(g, dy);
  const dScale = g.mul(r, g.sub(channelDot(g, dy, x), g.mul(mean, dBias)));
  // dr/dσ² = -r³/2, so dσ² = -½·γ·r²·dγ
  const dVariance = g.mul(g.mul(g.mul(slope, r), dScale), -0.5);
  return [g.mul(dy, alongChannels(g, slope, x)), dScale, dBias, g.neg(g.mul(slope, dBias)), dVariance];
}

/**
 * y = γ·x̂ + β, x̂ = r·(x - μ), with the batch's own μ and σ² over m elements (Ioffe and Szegedy, 2015, arXiv:1502.03167):
 * dx = γ·r·(dy - Σdy/m - x̂·Σ(dy·x̂)/m), written as a·dy + (b·x + c) with a, b and c per channel, so that it takes few passes over x.
 */
function byBatchStatistics(context: GradientContext): readonly (Value | undefined)[] {
  const { g, grads } = context;
  const [x, scale] = context.inputs as [Value, Value];
  const dy = grads[0] as Value;
  const count = elementCount(sizesOf(x).toSpliced(1, 1));
  const { mean, variance } = batchStatistics(context, count);
  const r = inverseDeviation(g, variance, epsilonOf(context));
  const slope = g.mul(scale, r);
  const dBias = channelSum(g, dy);
  const dScale = g.mul(r, g.sub(channelDot(g, dy, x), g.mul(mean, dBias)));
  const viaVariance = g.neg(g.mul(g.mul(slope, r), dScale));
  // Outputs 1 and 2 are momentum·(inputs 3 and 4) + (1 - momentum)·(μ and σ²), and dμ/dx = 1/m, dσ²/dx = 2(x - μ)/m.
  const momentum = floatAttribute(context.node, "momentum", 0.9);
  const fresh = 1 - momentum;
  const toVariance = grads[2] ? g.add(viaVariance, g.mul(grads[2], 2 * fresh)) : viaVariance;
  const viaMean = g.neg(g.mul(slope, dBias));
  const toMean = grads[1] ? g.add(viaMean, g.mul(grads[1], fresh)) : viaMean;
  const perElement = g.mul(toVariance, 1 / count);
  const shift = g.sub(g.mul(toMean, 1 / count), g.mul(perElement, mean));
  const dx = g.add(g.mul(dy, alongChannels(g, slope, x)), channelAffine(g, x, perElement, shift));
  const toOld = momentum === 0 ? [] : [grads[1], grads[2]].map((grad) => grad && g.mul(grad, momentum));
  return [dx, dScale, dBias, ...toOld];
}

/** The batch's mean and (biased) variance: what the node's own outputs are when its momentum is 0, computed again otherwise. */
function batchStatistics({ g, node, inputs, outputs }: GradientContext, count: number): { mean: Value; variance: Value } {
  const [x, scale] = inputs as [Value, Value];
  const [, ownMean, ownVariance] = outputs;
  if (floatAttribute(node, "momentum", 0.9) === 0 && ownMean && ownVariance) return { mean: ownMean, variance: ownVariance };
  const mean = g.mul(channelSum(g, x), 1 / count);
  const centred = channelAffine(g, x, g.expand(g.scalar(1, scale.type), sizesOf(scale)), g.neg(mean));
  return { mean, variance: g.mul(channelDot(g, centred, centred), 1 / count) };
}

/** x [R, L] normalised row by row, and r [R, 1], by the fused kernel. */
function standardizedRows(g: GraphBuilder, rows: Value, epsilon: number): { standard: Value; r: Value } {
  const ones = g.expand(g.scalar(1, rows.type), [sizesOf(rows)[1] as number]);
  const [standard, , r] = g.emit("LayerNormalization", [rows, ones], {
    attributes: { axis: int(-1), epsilon: float(epsilon) },
    outputs: 3,
  });
  // The kernel gives its statistics in float32 whatever the type of x.
  return { standard: standard as Value, r: g.cast(r as Value, rows.type) };
}

/** x̂ = r·(x - μ) row by row  =>  dx = r·(dx̂ - mean(dx̂) - x̂·mean(dx̂·x̂)) (Ba, Kiros and Hinton, 2016, arXiv:1607.06450). */
function throughRows(g: GraphBuilder, dStandard: Value, standard: Value, r: Value): Value {
  const mean = (x: Value) => g.reduceMean(x, { axes: [-1], keepDims: true });
  return g.mul(r, g.sub(g.sub(dStandard, mean(dStandard)), g.mul(standard, mean(g.mul(dStandard, standard)))));
}

/**
 * y = γ·x̂ + β over the axes from `axis` on, with rows of L elements: dγ and dβ are sums over the rows of dy·x̂ and dy, and the means that dx
 * takes of a row are products of these with γ/L.
 */
const layerNormalization: GradientRule = (context) => {
  const { g, node, outputs, grads } = context;
  const [x, scale, bias] = context.inputs as [Value, Value, Value | undefined];
  const sizes = sizesOf(x);
  const axis = intAttribute(node, "axis", -1);
  const rows = elementCount(sizes.slice(0, axis));
  const length = elementCount(sizes) / rows;
  const dy = g.reshape(grads[0] as Value, [rows, length]);
  const { standard, r } = standardizedRows(g, g.reshape(x, [rows, length]), epsilonOf(context));
  const product = g.mul(dy, standard);
  const gains = g.reshape(scale, [length]);
  const share = g.reshape(g.mul(gains, 1 / length), [length, 1]);
  const slope = g.sub(g.mul(dy, gains), g.mul(standard, g.matMul(product, share)));
  const statistic = (grad: Value) => g.cast(g.reshape(grad, [rows, 1]), x.type);
  let dx = g.mul(g.sub(slope, g.matMul(dy, share)), r);
  // The mean and r may be outputs, too: dμ/dx = 1/m and dr/dx = -r²·x̂/m.
  if (outputs[1]) dx = g.add(dx, g.mul(statistic(grads[1] as Value), 1 / length));
  if (outputs[2]) dx = g.add(dx, g.mul(standard, g.mul(g.mul(g.mul(r, r), statistic(grads[2] as Value)), -1 / length)));
  const overRows = (value: Value, like: Value) => g.reshape(g.sumTo(value, gains), like.shape);
  return [g.reshape(dx, sizes), overRows(product, scale), bias && overRows(dy, bias)];
};

/** y = γ·x̂ + β per channel, where x̂ is normalised over each image's `groups` runs of channels. */
const byGroups =
  (groupsOf: (context: GradientContext, channels: number) => number): GradientRule =>
  (context) => {
    const { g } = context;
    const [x, scale] = context.inputs as [Value, Value, Value];
    const dy = context.grads[0] as Value;
    const sizes = sizesOf(x);
    const rows = (sizes[0] as number) * groupsOf(context, sizes[1] as number);
    const asRows = (value: Value) => g.reshape(value, [rows, elementCount(sizes) / rows]);
    const { standard, r } = standardizedRows(g, asRows(x), epsilonOf(context));
    const dStandard = g.mul(dy, alongChannels(g, scale, x));
    const dx = g.reshape(throughRows(g, asRows(dStandard), standard, r), sizes);
    return [dx, channelDot(g, dy, g.reshape(standard, sizes)), channelSum(g, dy)];
  };

/**
 * y = x·s^-β, s = bias + α·(mean of x² over `size` neighbouring channels) (Krizhevsky et al., 2012)
 * =>  dx = dy·s^-β - 2αβ·x·(mean of dy·y/s over the same neighbours). The runtime takes odd sizes only.
 */
const localResponseNormalization: GradientRule = ({ g, node, inputs, outputs, grads }) => {
  const [x, y, dy] = [inputs[0], outputs[0], grads[0]] as [Value, Value, Value];
  const size = intAttribute(node, "size", 1);
  const [alpha, beta] = [floatAttribute(node, "alpha", 1e-4), floatAttribute(node, "beta", 0.75)];
  const [batch, channels, ...spatial] = sizesOf(x) as [number, number, ...number[]];
  const reach = (size - 1) / 2;
  const attributes = { kernel_shape: ints([size, 1]), pads: ints([reach, 0, reach, 0]), count_include_pad: int(1) };
  const meanOfNeighbours = (value: Value) => {
    const columns = g.reshape(value, [batch, 1, channels, elementCount(spatial)]);
    return g.reshape(g.emit("AveragePool", [columns], { attributes })[0] as Value, x.shape);
  };
  const s = g.add(g.mul(meanOfNeighbours(g.mul(x, x)), alpha), floatAttribute(node, "bias", 1));
  const viaSum = g.mul(meanOfNeighbours(g.div(g.mul(dy, y), s)), 2 * alpha * beta);
  return [g.sub(g.mul(dy, g.pow(s, -beta)), g.mul(x, viaSum))];
};

export const normalizationRules: GradientRules = {
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
  // Wu and He, 2018, arXiv:1803.08494.
  GroupNormalization: byGroups(({ node }) => intAttribute(node, "num_groups", 1)),
  LRN: localResponseNormalization,
  // Ulyanov et al., 2016, arXiv:1607.08022: one group per channel.
  InstanceNormalization: byGroups((_, channels) => channels),
};
