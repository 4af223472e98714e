import { stringAttribute } from "../attributes.ts";
import type { Dim } from "../graph.ts";
import { invalid, required, type ShapeContext, type ShapeRule } from "./rule.ts";

/** Of scores [N, C, ...] and labels [N, ...]: a scalar, or with `reduction` "none" one number per label. */
function lossOf(context: ShapeContext) {
  const [scores, labels] = [required(context, 0), required(context, 1)];
  const reduction = stringAttribute(context.node, "reduction", "mean");
  if (!["mean", "sum", "none"].includes(reduction)) throw invalid(context, `"${reduction}" is no reduction`);
  const expected = scores.shape.filter((_, axis) => axis !== 1);
  const fits = (size: Dim, axis: number) => typeof size === "string" || typeof expected[axis] !== "number" || size === expected[axis];
  if (scores.shape.length < 2 || labels.shape.length !== expected.length || !labels.shape.every(fits))
    throw invalid(context, "there must be one label for each of the scores");
  return { type: scores.type, shape: reduction === "none" ? labels.shape : [] };
}

export const lossShapes: Readonly<Record<string, ShapeRule>> = {
  NegativeLogLikelihoodLoss: (context) => [lossOf(context)],
  /** The loss, and the logarithms of the probabilities. */
  SoftmaxCrossEntropyLoss: (context) => {
    const { type, shape } = required(context, 0);
    return [lossOf(context), { type, shape }];
  },
};
