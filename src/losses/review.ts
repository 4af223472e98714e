import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { elementCount } from "../graph/tensor.ts";
import { type Initializer, lecunUniform, uniform } from "../nn/initializers.ts";
import type { Network } from "../nn/layers.ts";
import { conv, norm } from "../nn/torch-layers.ts";
import { type FeaturePair, featureLoss, type LossParts } from "./loss.ts";
import { averageTo, meanSquaredDifference, nearestTo, requireSameShape } from "./maps.ts";

/** Sizes to which maps are averaged, each counting half of the one before it; the maps themselves count 1. */
const LEVELS = [4, 2, 1];

/**
 * The hierarchical context loss of knowledge review: Chen et al., 2021 (arXiv:2104.09044).
 *
 *     [mean (s − t)² + ½·mean (s₄ − t₄)² + ¼·mean (s₂ − t₂)² + ⅛·mean (s₁ − t₁)²]/(1 + ½ + ¼ + ⅛)
 *
 * s₄ is s averaged to 4×4 and so on; a level counts where the maps are larger.
 *
 * @param student [B, C, H, W] @param teacher The same.
 * @returns A scalar.
 * @throws LimbeckError when the shapes differ.
 */
export function hierarchicalContextLoss(g: GraphBuilder, student: Value, teacher: Value): Value {
  requireSameShape("The hierarchical context loss", student, teacher);
  const smallest = Math.min(...student.shape.slice(2).map(Number));
  const levels = LEVELS.filter((level) => level < smallest).map((level) => {
    const [s, t] = [student, teacher].map((map) => averageTo(g, map, [level, level])) as [Value, Value];
    return meanSquaredDifference(g, s, t);
  });
  const terms = [meanSquaredDifference(g, student, teacher), ...levels].map((term, index) => g.mul(term, 2 ** -index));
  return g.mul(g.sum(...terms), 1 / (2 - 2 ** -levels.length));
}

/** The width of the fused maps is that of the student's deepest map, up to this. */
const WIDEST = 512;

/** He et al., 2015, for no activation: uniform in ±√(3 / fan in). */
const init: Initializer = (shape, random) => uniform(Math.sqrt(3 / elementCount(shape.slice(1))))(shape, random);

/**
 * The student's maps, each fused with those of all deeper layers ("attention-based fusion"), in the shapes of the teacher's: from the
 * deepest on, x = BN(1×1 convolution) and y, the deeper fused map repeated to its size, are joined as x·z₁ + y·z₂, where z is the sigmoid of
 * a 1×1 convolution of both; what comes of that goes on, and through a 3×3 convolution and BN to the loss.
 *
 * @param pairs Of maps, in the order of the networks.
 */
export function reviewed({ module }: Pick<LossParts, "module">, pairs: readonly FeaturePair[]): readonly Value[] {
  const width = Math.min(WIDEST, Number(pairs.at(-1)?.student.shape[1]));
  let deeper: Value[] = [];
  return pairs
    .map(({ student, teacher }, index) => ({ student, shape: teacher.shape.map(Number), index }))
    .reverse()
    .map(({ student, shape: [, channels, ...sizes], index }) => {
      deeper = [
        module(`fuse${index}`, [student, ...deeper], (network, map, y) => nearestTo(network.g, fused(network, width, map, y), sizes)),
      ];
      return module(`out${index}`, deeper, (network, map) =>
        norm(network, "norm", conv(network, "conv", map as Value, channels as number, 3, { init })),
      );
    })
    .reverse();
}

function fused(network: Network, width: number, map?: Value, deeper?: Value): Value {
  const { g } = network;
  const x = norm(network, "norm", conv(network, "conv", map as Value, width, 1, { init }));
  if (!deeper) return x;
  const y = nearestTo(g, deeper, x.shape.slice(2).map(Number));
  const z = g.sigmoid(conv(network, "attention", g.concat([x, y], 1), 2, 1, { bias: true, init: lecunUniform() }));
  const [first, second] = g.split(z, [1, 1], 1) as [Value, Value];
  return g.add(g.mul(x, first), g.mul(y, second));
}

export const review = featureLoss({
  name: "review",
  summary: "Every stage of the teacher from the student's same and deeper stages (knowledge review)",
  paper: "Chen et al., 2021, arXiv:2104.09044",
  weight: 1,
  numbers: {},
  options: {},
  pairs: "stages",
  fit: { form: "maps", channels: "any", space: "any" },
  build: (scene) => {
    const maps = reviewed(scene, scene.pairs);
    return scene.g.sum(...scene.pairs.map(({ teacher }, index) => hierarchicalContextLoss(scene.g, maps[index] as Value, teacher)));
  },
});
