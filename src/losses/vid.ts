import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { float32 } from "../graph/tensor.ts";
import { lecunUniform } from "../nn/initializers.ts";
import type { Network } from "../nn/layers.ts";
import { conv } from "../nn/torch-layers.ts";
import { featureLoss, overPairs } from "./loss.ts";
import { requireSameShape } from "./maps.ts";

const LEAST_VARIANCE = 1e-5;
const INITIAL_VARIANCE = 5;

/** ρ for which the variance is the initial one. */
export const INITIAL_RHO = Math.log(Math.expm1(INITIAL_VARIANCE - LEAST_VARIANCE));

/**
 * Variational information distillation: Ahn et al., 2019 (arXiv:1904.05835). The negative logarithm, but for a constant, of how likely the
 * teacher's map is under a normal distribution about what a regressor makes of the student's, with a trained variance for each channel:
 *
 *     mean over all elements of ½·((μ − t)²/σ² + log σ²), σ² = softplus(ρ) + 1e-5
 *
 * @param mean [B, C, H, W] @param teacher The same. @param rho [C]
 * @returns A scalar, in nats; may be negative.
 * @throws LimbeckError when the shapes of the maps differ.
 */
export function vidLoss(g: GraphBuilder, mean: Value, teacher: Value, rho: Value): Value {
  requireSameShape("Variational information distillation", mean, teacher);
  const difference = g.sub(mean, teacher);
  const variance = g.add(g.softplus(rho), LEAST_VARIANCE);
  const squared = g.reduceMean(g.mul(difference, difference), { axes: [0, 2, 3] });
  return g.mul(g.reduceMean(g.add(g.div(squared, variance), g.log(variance))), 0.5);
}

/** Three 1×1 convolutions without bias, with ReLU between them. */
export function vidRegressor(network: Network, map: Value, channels: number): Value {
  const layer = (name: string, x: Value) => conv(network, name, x, channels, 1, { init: lecunUniform() });
  const { g } = network;
  return layer("conv2", g.relu(layer("conv1", g.relu(layer("conv0", map)))));
}

export const vid = featureLoss({
  name: "vid",
  summary: "What the student's maps tell of the teacher's: a regressor with trained variance (variational information distillation)",
  paper: "Ahn et al., 2019, arXiv:1904.05835",
  weight: 1,
  numbers: {},
  options: {},
  pairs: "stages",
  fit: { form: "maps", channels: "any", space: "same" },
  build: overPairs(({ g, module, parameter }, { student, teacher }, index) => {
    const channels = Number(teacher.shape[1]);
    const mean = module(`regressor${index}`, [student], (network, map) => vidRegressor(network, map as Value, channels));
    return vidLoss(g, mean, teacher, parameter(`rho${index}`, float32(new Float32Array(channels).fill(INITIAL_RHO))));
  }),
});
