import { z } from "zod";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { featureLoss, overPairs } from "./loss.ts";
import { meanSquaredDifference, PLACES, requireSameShape, unit } from "./maps.ts";

/** `code` is what the authors' repository computes, `paper` what the paper writes, `sum` an unnormalised attention map. */
export type AttentionForm = "code" | "paper" | "sum";

/**
 * Attention transfer: Zagoruyko and Komodakis, 2016 (arXiv:1612.03928). A map's attention is its channels' squares taken together.
 *
 * - `code`: mean over batch and places of (â_s − â_t)², a = flatten(mean over c of F²), â = a/‖a‖₂ of each sample.
 * - `paper`: mean over the batch of ‖â_s − â_t‖₂, a = flatten(Σ over c of F²).
 * - `sum`: mean over batch and places of (a_s − a_t)², a = Σ over c of F², as articles often have it: its size depends on the networks.
 *
 * @param student [B, C, H, W] @param teacher [B, C', H, W]
 * @returns A scalar.
 * @throws LimbeckError when the maps differ in size.
 */
export function attentionLoss(g: GraphBuilder, student: Value, teacher: Value, form: AttentionForm = "code"): Value {
  requireSameShape("Attention transfer", student, teacher, PLACES);
  const [a, b] = [student, teacher].map((map) => attentionOf(g, map, form)) as [Value, Value];
  if (form !== "paper") return meanSquaredDifference(g, a, b);
  // Inside of the root, so that equal maps have a gradient.
  return g.reduceMean(g.sqrt(g.add(g.reduceSumSquare(g.sub(a, b), { axes: [1] }), 1e-24)));
}

/** [B, H·W] */
export function attentionOf(g: GraphBuilder, map: Value, form: AttentionForm): Value {
  const squares = g.mul(map, map);
  const energy = form === "code" ? g.reduceMean(squares, { axes: [1] }) : g.reduceSum(squares, { axes: [1] });
  const flat = g.reshape(energy, [Number(map.shape[0]), -1]);
  return form === "sum" ? flat : unit(g, flat, 1);
}

export const attention = featureLoss({
  name: "attention",
  summary: "Where the maps are strong: their squares over channels, normalised (attention transfer)",
  paper: "Zagoruyko and Komodakis, 2016, arXiv:1612.03928",
  weight: 1000,
  numbers: {},
  options: { form: z.enum(["code", "paper", "sum"]).default("code") },
  pairs: "stages",
  fit: { form: "maps", channels: "any", space: "same" },
  build: overPairs(({ g, options }, { student, teacher }) => attentionLoss(g, student, teacher, options.form)),
});
