import { z } from "zod";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { count, positive } from "../options.ts";
import { featureLoss, overPairs } from "./loss.ts";
import { linearEmbedding, products, requireVectors, unitVectors } from "./vectors.ts";

/*
 * Correlation congruence: Peng et al., 2019 (arXiv:1904.01802). Two codes bear the name, and compute different things.
 */

/**
 * RepDistiller's form: mean over i of Σ over features of |δ_i|·|δ_{i+1}|, δ_i = s_i − t_i, for samples that follow each other in the batch.
 *
 * @param student [B, D] @param teacher [B, D] @returns A scalar.
 * @throws LimbeckError for a batch of one.
 */
export function consecutiveCcLoss(g: GraphBuilder, student: Value, teacher: Value): Value {
  requireVectors("Correlation congruence", student, teacher);
  const delta = g.abs(g.sub(student, teacher));
  const pairs = Number(delta.shape[0]) - 1;
  const from = (start: number) => g.slice(delta, [{ axis: 0, start, end: start + pairs }]);
  return g.mul(g.reduceSum(g.mul(from(0), from(1))), 1 / pairs);
}

/**
 * torchdistill's form, which is the paper's but for a square: ‖K_s − K_t‖_F/B², where K_ij = e^(−2γ)·Σ over p ≤ 2 of (2γ·x_i·x_j)^p/p!, the
 * Taylor series of the Gaussian kernel e^(−γ‖x_i − x_j‖²) of unit vectors. Vectors are taken as they are.
 *
 * @param student [B, D] @param teacher [B, D'] @param gamma γ @returns A scalar.
 * @throws LimbeckError for a batch of one.
 */
export function gaussianCcLoss(g: GraphBuilder, student: Value, teacher: Value, gamma = 0.4): Value {
  requireVectors("Correlation congruence", student, teacher);
  const kernel = (x: Value) => {
    const exponent = g.mul(products(g, x, x), 2 * gamma);
    const series = g.add(g.add(exponent, 1), g.mul(g.mul(exponent, exponent), 0.5));
    return g.mul(series, Math.exp(-2 * gamma));
  };
  const difference = g.sub(kernel(student), kernel(teacher));
  // Inside of the root, so that equal kernels have a gradient.
  const norm = g.sqrt(g.add(g.reduceSumSquare(difference), 1e-24));
  return g.mul(norm, 1 / Number(student.shape[0]) ** 2);
}

export const cc = featureLoss({
  name: "cc",
  summary: "How samples correlate, in embeddings of a linear layer for each network (correlation congruence)",
  paper: "Peng et al., 2019, arXiv:1904.01802",
  weight: 0.02,
  numbers: {},
  options: {
    /** RepDistiller's form, or torchdistill's, of embeddings made one long, so that its series is of the Gaussian kernel. */
    form: z.enum(["consecutive", "gaussian"]).default("consecutive"),
    /** γ of the Gaussian kernel. */
    gamma: positive.default(0.4),
    /** Of the embeddings. */
    dimensions: count.default(128),
  },
  pairs: "pooled",
  fit: { form: "vectors", channels: "any", space: "any" },
  build: overPairs((scene, { student, teacher }, index) => {
    const { g, options } = scene;
    const embedded = (name: string, x: Value) => linearEmbedding(scene, `${name}${index}`, x, options.dimensions);
    const [s, t] = [embedded("student", student), embedded("teacher", teacher)];
    if (options.form === "consecutive") return consecutiveCcLoss(g, s, t);
    return gaussianCcLoss(g, unitVectors(g, s), unitVectors(g, t), options.gamma);
  }),
});
