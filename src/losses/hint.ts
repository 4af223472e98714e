import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { hiddenMseLoss } from "./hidden.ts";
import { featureLoss, overPairs } from "./loss.ts";
import { meanSquaredDifference, requireSameShape } from "./maps.ts";

/**
 * Hints: FitNets, Romero et al., 2014 (arXiv:1412.6550). The mean over all elements of (student − teacher)².
 *
 * The paper takes half the sum, trains the layers up to the hint in a stage of their own, and turns the student's map into the teacher's by
 * a convolution as large as it takes. Here, as in RepDistiller, the loss is trained together with the others. What `fit` puts before it is
 * the mean over places for the larger map, and for other channels a 1×1 convolution with BN, without the ReLU that RepDistiller adds.
 * Of tokens, padding is left out. Published results hint at the end of the middle stage ("hint layer 2" of RepDistiller, which counts the stem as 0): `pairs: "middle"`.
 *
 * @param student Of any shape. @param teacher Of the same.
 * @returns A scalar.
 * @throws LimbeckError when the shapes differ.
 */
export function hintLoss(g: GraphBuilder, student: Value, teacher: Value): Value {
  requireSameShape("The hint loss", student, teacher);
  return meanSquaredDifference(g, student, teacher);
}

export const hint = featureLoss({
  name: "hint",
  summary: "The features themselves: mean squared difference (FitNets)",
  paper: "Romero et al., 2014, arXiv:1412.6550",
  weight: 100,
  numbers: {},
  options: {},
  pairs: "middle",
  fit: { form: "any", channels: "same", space: "same" },
  build: overPairs(({ g, mask }, { student, teacher }) =>
    mask && student.shape.length === 3 ? hiddenMseLoss(g, student, teacher, mask) : hintLoss(g, student, teacher),
  ),
});
