import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { positive, schedule } from "../options.ts";
import { featureLoss } from "./loss.ts";
import { requireSameShape } from "./maps.ts";

/**
 * Activation boundaries: Heo et al., 2019 (arXiv:1811.03233). Only whether a neuron of the teacher is active counts; the student's must be
 * so by a margin:
 *
 *     3/(1000·B)·Σ over all elements of [max(0, margin − s)² where t > 0, max(0, s + margin)² elsewhere]
 *
 * The factor is that of the authors' code, which sums where one would mean; with it the published weight holds. (The paper trains with this
 * loss alone before the task; a weight by schedule does that.) The student's values are meant to be those before the activation: of a map
 * after a ReLU, inactive neurons keep the loss of the margin.
 *
 * @param student Of any shape. @param teacher Of the same. @param margin Positive.
 * @returns A scalar.
 * @throws LimbeckError when the shapes differ.
 */
export function abLoss(g: GraphBuilder, student: Value, teacher: Value, margin: number | Value): Value {
  requireSameShape("The loss of activation boundaries", student, teacher);
  const missing = g.relu(g.where(g.greater(teacher, 0), g.sub(margin, student), g.add(student, margin)));
  return g.mul(g.reduceSumSquare(missing), 3 / (1000 * Number(student.shape[0])));
}

export const ab = featureLoss({
  name: "ab",
  summary: "Which neurons are active, by a margin (activation boundaries)",
  paper: "Heo et al., 2019, arXiv:1811.03233",
  weight: 1,
  numbers: { margin: schedule(positive).default(1) },
  options: {},
  pairs: "stages",
  fit: { form: "maps", channels: "same", space: "same" },
  // As in the authors' code, each layer counts half of the next one.
  build: ({ g, pairs, numbers }) =>
    g.sum(
      ...pairs.map(({ student, teacher }, index) => g.mul(abLoss(g, student, teacher, numbers.margin), 2 ** (index + 1 - pairs.length))),
    ),
});
