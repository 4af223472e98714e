import { intAttribute, stringAttribute } from "../../attributes.ts";
import type { GraphBuilder } from "../../builder/builder.ts";
import type { Node, Value } from "../../graph.ts";
import { type Decomposition, type Decompositions, taking } from "./replace.ts";

/**
 * −w[y]·log p[y] for log-probabilities [N, C, ...] and labels y [N, ...]; zero where the label is `ignore_index`. The mean is over the
 * weights, which are 1 where none are given.
 */
function negativeLogLikelihood(g: GraphBuilder, node: Node, logProbabilities: Value, labels: Value, weights: Value | undefined): Value {
  const ignored = node.attributes.ignore_index && intAttribute(node, "ignore_index", 0);
  const isCounted = ignored === undefined ? undefined : g.not(g.equal(labels, ignored));
  // An ignored label may be no class at all: the first stands in for it.
  const classes = isCounted ? g.where(isCounted, labels, g.scalar(0, labels.type)) : labels;
  const picked = g.squeeze(g.gatherElements(logProbabilities, g.unsqueeze(classes, [1]), 1), [1]);
  const counted = isCounted && g.cast(isCounted, picked.type);
  const own = weights && g.gather(weights, classes, 0);
  const weight = own && counted ? g.mul(own, counted) : (own ?? counted);
  const loss = g.neg(weight ? g.mul(picked, weight) : picked);
  switch (stringAttribute(node, "reduction", "mean")) {
    case "none":
      return loss;
    case "sum":
      return g.reduceSum(loss);
    default:
      return weight ? g.div(g.reduceSum(loss), g.reduceSum(weight)) : g.reduceMean(loss);
  }
}

const negativeLogLikelihoodLoss: Decomposition = ({ g, node, inputs }) => {
  const [logProbabilities, labels, weights] = inputs as [Value, Value, Value | undefined];
  return [negativeLogLikelihood(g, node, logProbabilities, labels, weights)];
};

const softmaxCrossEntropyLoss: Decomposition = ({ g, node, inputs }) => {
  const [scores, labels, weights] = inputs as [Value, Value, Value | undefined];
  const logProbabilities = g.logSoftmax(scores, 1);
  return [negativeLogLikelihood(g, node, logProbabilities, labels, weights), logProbabilities];
};

export const lossDecompositions: Decompositions = {
  NegativeLogLikelihoodLoss: taking(2, negativeLogLikelihoodLoss),
  SoftmaxCrossEntropyLoss: taking(2, softmaxCrossEntropyLoss),
};
