import { LimbeckError } from "../../../errors.ts";
import { floatAttribute, intAttribute, intsAttribute } from "../../attributes.ts";
import type { GraphBuilder } from "../../builder/builder.ts";
import { MICROSOFT, type Value } from "../../graph.ts";
import { positions } from "./positions.ts";
import { type Decomposition, type Decompositions, taking } from "./replace.ts";

/** The epsilon of ONNX Runtime's fused normalisations where the node has none. */
const FUSED_EPSILON = 1e-12;

/** x / √(mean of x² over `axis` and every later one + ε) · scale (Zhang and Sennrich, 2019, arXiv:1910.07467). */
function rootMeanSquareNormalization(g: GraphBuilder, x: Value, scale: Value, epsilon: number, axis = -1): Value {
  const first = axis < 0 ? axis + x.shape.length : axis;
  if (first < 0 || first >= x.shape.length) throw new LimbeckError(`Axis ${axis} is out of range for rank ${x.shape.length}.`);
  const axes = [...x.shape.keys()].slice(first);
  const meanSquare = g.reduceMean(g.mul(x, x), { axes, keepDims: true });
  return g.mul(g.div(x, g.sqrt(g.add(meanSquare, epsilon))), scale);
}

const rmsNormalization: Decomposition = ({ g, node, inputs }) => {
  const [x, scale] = inputs as [Value, Value];
  return [rootMeanSquareNormalization(g, x, scale, floatAttribute(node, "epsilon", 1e-5), intAttribute(node, "axis", -1))];
};

/** x + skip + bias, normalised; the sum is output 3. */
const skipLayerNormalization: Decomposition = ({ g, node, inputs }) => {
  const [x, skip, scale, beta, bias] = inputs as [Value, Value, Value, Value | undefined, Value | undefined];
  const sum = plus(g, g.add(x, skip), bias);
  return [g.layerNormalization(sum, scale, beta, { epsilon: floatAttribute(node, "epsilon", FUSED_EPSILON) }), undefined, undefined, sum];
};

const skipSimplifiedLayerNormalization: Decomposition = ({ g, node, inputs }) => {
  const [x, skip, scale, bias] = inputs as [Value, Value, Value, Value | undefined];
  const sum = plus(g, g.add(x, skip), bias);
  return [rootMeanSquareNormalization(g, sum, scale, floatAttribute(node, "epsilon", FUSED_EPSILON)), undefined, undefined, sum];
};

function plus(g: GraphBuilder, x: Value, term: Value | undefined): Value {
  return term ? g.add(x, term) : x;
}

/**
 * The first layer of BERT: word, position and segment embeddings, summed and normalised; how many tokens of each row the mask lets through.
 */
const embedLayerNormalization: Decomposition = ({ g, node, inputs }) => {
  const [ids, segments, words, places, kinds, scale, bias, mask, positionIds] = inputs;
  if (!ids || !words || !places || !scale) throw new LimbeckError("It needs ids, words, positions and a scale.");
  const word = g.gather(words, ids, 0);
  const place = positionIds ? g.gather(places, positionIds, 0) : firstRows(g, places, ids);
  const kind = segments && kinds && g.gather(kinds, segments, 0);
  const sum = plus(g, g.add(word, place), kind);
  const y = g.layerNormalization(sum, scale, bias, { epsilon: floatAttribute(node, "epsilon", FUSED_EPSILON) });
  // Without a mask the operator counts no tokens at all.
  const isReal = mask ? g.equal(mask, 1) : g.less(ids, ids);
  return [y, g.reduceSum(g.cast(isReal, "int32"), { axes: [1] }), sum];
};

/** As many rows of a table as the ids [B, S] are long. */
function firstRows(g: GraphBuilder, table: Value, ids: Value): Value {
  const length = ids.shape[1];
  return typeof length === "number" ? g.slice(table, [{ axis: 0, start: 0, end: length }]) : g.gather(table, positions(g, ids, 1), 0);
}

/** (x − E[x]) / (√E[(x − E[x])²] + ε) over given axes. */
const meanVarianceNormalization: Decomposition = ({ g, node, inputs }) => {
  const x = inputs[0] as Value;
  const axes = intsAttribute(node, "axes") ?? [0, 2, 3];
  const centred = g.sub(x, g.reduceMean(x, { axes, keepDims: true }));
  const deviation = g.sqrt(g.reduceMean(g.mul(centred, centred), { axes, keepDims: true }));
  return [g.div(centred, g.add(deviation, 1e-9))];
};

/** x / ‖x‖ₚ along an axis, p = 1 or 2; zero where the norm is. */
const lpNormalization: Decomposition = ({ g, node, inputs }) => {
  const x = inputs[0] as Value;
  const options = { axes: [intAttribute(node, "axis", -1)], keepDims: true };
  const isFirst = intAttribute(node, "p", 2) === 1;
  const sum = isFirst ? g.reduceSum(g.abs(x), options) : g.reduceSumSquare(x, options);
  // 1 in place of a zero sum, before the root: its slope there is infinite.
  const safe = g.where(g.equal(sum, 0), 1, sum);
  return [g.div(x, isFirst ? safe : g.sqrt(safe))];
};

export const normalizationDecompositions: Decompositions = {
  RMSNormalization: taking(2, rmsNormalization),
  SimplifiedLayerNormalization: taking(2, rmsNormalization),
  [`${MICROSOFT}:SimplifiedLayerNormalization`]: taking(2, rmsNormalization),
  [`${MICROSOFT}:SkipLayerNormalization`]: taking(3, skipLayerNormalization),
  [`${MICROSOFT}:SkipSimplifiedLayerNormalization`]: taking(3, skipSimplifiedLayerNormalization),
  [`${MICROSOFT}:EmbedLayerNormalization`]: embedLayerNormalization,
  MeanVarianceNormalization: taking(1, meanVarianceNormalization),
  LpNormalization: taking(1, lpNormalization),
};
