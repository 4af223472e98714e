import { stopGradient } from "../autodiff/custom-gradients.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import { seededUniform } from "../graph/builder/random.ts";
import type { Value } from "../graph/graph.ts";
import { float32 } from "../graph/tensor.ts";
import { uniform } from "../nn/initializers.ts";
import { count, fraction, positive } from "../options.ts";
import { randomFor } from "../random.ts";
import { featureLoss, type Memory, overPairs } from "./loss.ts";
import { linearEmbedding, products, requireVectors, unitVectors } from "./vectors.ts";

/*
 * Contrastive representation distillation: Tian, Krishnan and Isola, 2020 (arXiv:1910.10699), after the authors' repository, RepDistiller.
 *
 * What the two networks say of a sample, made unit vectors by a linear layer for each, shall be told from what they say of others. One side
 * comes from the batch, the other from a memory of what the other network said of each sample when it was last seen. The negatives of a
 * step are drawn from all samples, as the paper has it, and are the same for all of a batch, where RepDistiller draws some for each sample;
 * so a step takes 2·B·K·D products and no copy of B·K vectors.
 */

/**
 * The contrast of a sample's positive with its K negatives, of which N samples could have been drawn (noise-contrastive estimation):
 *
 *     −mean over the batch of log(P⁺/(P⁺ + K/N + ε)) + Σ over negatives of log((K/N)/(P⁻ + K/N + ε)), ε = 1e-7
 *
 * @param logScores [B, 1 + K]: log P, that of the positive first. @param samples N @returns A scalar.
 */
export function contrastLoss(g: GraphBuilder, logScores: Value, samples: number): Value {
  const [batch, columns] = logScores.shape.map(Number) as [number, number];
  const negatives = columns - 1;
  const noise = negatives / samples;
  // By logarithms: P/(P + c) is the logistic function of log P − log c.
  const [positive, negative] = g.split(g.sub(logScores, Math.log(noise + 1e-7)), [1, negatives], 1) as [Value, Value];
  const unlikely = g.add(g.reduceSum(g.softplus(g.neg(positive))), g.reduceSum(g.softplus(negative)));
  return g.add(g.mul(unlikely, 1 / batch), negatives * Math.log1p(1e-7 / noise));
}

/** What one network's embeddings are compared with: the other's memory. */
export interface Contrast {
  /** [N, D] */
  readonly bank: Value;
  /** [B]: the samples of the batch. */
  readonly indices: Value;
  /** [K]: those drawn. */
  readonly negatives: Value;
  readonly temperature: number;
}

/** Cosines over the temperature of embeddings [B, D] and remembered ones: its own, then the negatives, [B, 1 + K]. */
export function contrastScores(g: GraphBuilder, embeddings: Value, { bank, indices, negatives, temperature }: Contrast): Value {
  const own = g.reduceSum(g.mul(embeddings, g.gather(bank, indices, 0)), { axes: [1], keepDims: true });
  const others = products(g, embeddings, g.gather(bank, negatives, 0));
  return g.mul(g.concat([own, others], 1), 1 / temperature);
}

/** Of the logarithm that no step has set yet. */
const UNSET = -1e30;

/** Scores less log Z: Z = N·mean of e^score, over the first batch, and for good. */
export function normalizedScores(g: GraphBuilder, scores: Value, samples: number, normalizer: Memory): Value {
  const mean = g.sub(g.reduceLogSumExp(scores), Math.log(scores.shape.map(Number).reduce((a, b) => a * b)));
  const first = stopGradient(g, g.add(mean, Math.log(samples)));
  const logZ = g.where(g.greater(normalizer.value, UNSET), normalizer.value, first);
  normalizer.replace(logZ);
  return g.sub(scores, logZ);
}

/** The bank [N, D] with the batch's rows moved towards its embeddings, and made unit vectors again. */
export function remembered(g: GraphBuilder, bank: Value, indices: Value, embeddings: Value, momentum: number): Value {
  const kept = g.mul(g.gather(bank, indices, 0), momentum);
  const rows = unitVectors(g, g.add(kept, g.mul(embeddings, 1 - momentum)));
  const places = g.unsqueeze(g.cast(indices, "int64"), [1]);
  return g.emit("ScatterND", [bank, places, rows])[0] as Value;
}

/** Tells these draws from others of the step's seed. */
const SALT = 0xc4d;

/** [negatives], int32: samples, each drawn from all of them. */
export function drawNegatives(g: GraphBuilder, seed: Value, negatives: number, samples: number, salt: number): Value {
  const places = g.mul(seededUniform(g, seed, [negatives], salt), samples);
  // A number just below 1 may round up to all.
  return g.cast(g.min(places, samples - 1), "int32");
}

/** RepDistiller's draws no more than this. */
const NEGATIVES = 16_384;

export const crd = featureLoss({
  name: "crd",
  summary: "Tells what the teacher says of a sample from what it says of others (contrastive representation distillation)",
  paper: "Tian, Krishnan and Isola, 2020, arXiv:1910.10699",
  weight: 0.8,
  numbers: {},
  options: {
    /** Of the embeddings. */
    dimensions: count.default(128),
    /** Of a step; 16384 unless given, or the number of samples where that is less. */
    negatives: count.optional(),
    /** Fixed, since Z is. */
    temperature: positive.default(0.07),
    /** How much of a remembered embedding stays when its sample is seen again. */
    momentum: fraction.default(0.5),
  },
  pairs: "pooled",
  fit: { form: "vectors", channels: "any", space: "any" },
  build: overPairs((scene, pair, index) => {
    const { g, samples, options } = scene;
    requireVectors("CRD", pair.student, pair.teacher);
    const indices = scene.indices();
    const { dimensions, temperature, momentum, negatives: asked = Math.min(NEGATIVES, samples) } = options;
    const negatives = drawNegatives(g, scene.scalar("seed"), asked, samples, SALT + index);
    const sides = (["student", "teacher"] as const).map((network, side) => {
      const embeddings = unitVectors(g, linearEmbedding(scene, `${network}${index}`, pair[network], dimensions));
      const initial = uniform(Math.sqrt(3 / dimensions))([samples, dimensions], randomFor(SALT, index, side));
      const bank = scene.memory(`${network}${index}/bank`, initial);
      bank.replace(remembered(g, bank.value, indices, embeddings, momentum));
      return { embeddings, bank: bank.value, normalizer: scene.memory(`${network}${index}/normalizer`, float32([UNSET], [])) };
    });
    const views = sides.map(({ embeddings, normalizer }, side) => {
      const { bank } = sides[1 - side] as (typeof sides)[number];
      const scores = contrastScores(g, embeddings, { bank, indices, negatives, temperature });
      return contrastLoss(g, normalizedScores(g, scores, samples, normalizer), samples);
    });
    return g.sum(...views);
  }),
});
