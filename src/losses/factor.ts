import { z } from "zod";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import type { Network } from "../nn/layers.ts";
import { conv, norm } from "../nn/torch-layers.ts";
import { attentionOf } from "./attention.ts";
import { featureLoss, overPairs } from "./loss.ts";
import { PLACES, requireSameShape, unit } from "./maps.ts";

/** `code` is RepDistiller's factor, the normalised attention of a map; `paper` normalises the whole map. */
export type FactorForm = "code" | "paper";

/**
 * Factor transfer: Kim et al., 2018 (arXiv:1802.04977). The mean over batch and elements of |f_s − f_t|.
 *
 * - `code`: f = a/‖a‖₂ of each sample, a = flatten(mean over c of F²): RepDistiller's, with p₁ = 2 and p₂ = 1.
 * - `paper`: f = F/‖F‖₂ of each sample, flattened.
 *
 * In the paper F is what a translator makes of the student's map, and for the teacher what a paraphraser does, an autoencoder that is
 * trained before. The translator is there (`translator`); the paraphraser is not: the teacher's own map takes its place.
 *
 * @param student [B, C, H, W] @param teacher [B, C', H, W]; C' = C for `paper`.
 * @returns A scalar.
 * @throws LimbeckError when the maps differ in size, or in channels for `paper`.
 */
export function factorLoss(g: GraphBuilder, student: Value, teacher: Value, form: FactorForm = "code"): Value {
  requireSameShape("Factor transfer", student, teacher, form === "paper" ? undefined : PLACES);
  const factor = (map: Value) => (form === "code" ? attentionOf(g, map, "code") : unit(g, g.reshape(map, [Number(map.shape[0]), -1]), 1));
  return g.reduceMean(g.abs(g.sub(factor(student), factor(teacher))));
}

/** Three 3×3 convolutions with batch normalisation and LeakyReLU(0.1): to `channels` by the second. */
export function factorTranslator(network: Network, map: Value, channels: number): Value {
  return [Number(map.shape[1]), channels, channels].reduce((x, filters, index) => {
    const y = norm(network, `norm${index}`, conv(network, `conv${index}`, x, filters, 3));
    return network.g.leakyRelu(y, 0.1);
  }, map);
}

export const factor = featureLoss({
  name: "factor",
  summary: "Normalised factors of the maps (factor transfer)",
  paper: "Kim et al., 2018, arXiv:1802.04977",
  weight: 200,
  numbers: {},
  options: {
    form: z.enum(["code", "paper"]).default("code"),
    /** Translates the student's map into the teacher's channels first. */
    translator: z.boolean().default(false),
  },
  pairs: "last",
  fit: { form: "maps", channels: "any", space: "same" },
  build: overPairs(({ g, module, options }, { student, teacher }, index) => {
    const channels = Number(teacher.shape[1]);
    const translated = options.translator
      ? module(`translator${index}`, [student], (network, map) => factorTranslator(network, map as Value, channels))
      : student;
    return factorLoss(g, translated, teacher, options.form);
  }),
});
