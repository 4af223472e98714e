import { LimbeckError } from "../errors.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import { formatShape, type Value } from "../graph/graph.ts";
import { elementCount } from "../graph/tensor.ts";
import type { FeaturePair, Fit, LossParts } from "../losses/loss.ts";
import { averageAlike, averageAlong } from "../losses/maps.ts";
import { meanOfTokens } from "../losses/tokens.ts";
import { lecunUniform } from "../nn/initializers.ts";
import { batchNorm, conv2d, linear, type Network } from "../nn/layers.ts";

type Form = Exclude<Fit["form"], "any">;

/** Forms by number of axes. */
const forms: Readonly<Record<number, Form>> = { 2: "vectors", 3: "tokens", 4: "maps" };

const shapesOf: Readonly<Record<Form, string>> = { vectors: "[B, D]", tokens: "[B, T, D]", maps: "[B, C, H, W]" };

/**
 * Brings two tapped values together, as a loss asks. Nothing is inserted where they fit already.
 *
 * - Form: maps [B, C, H, W] become tokens [B, H·W, C]; tokens become square maps, without a class token that would stand in the way; both
 *   become vectors by their mean. A loss that takes any form gets two of one form if channels or space must be the same: vectors if one has
 *   these, else what the teacher has.
 * - Space: the larger of two maps is averaged to the size of the smaller. So are tokens, as squares if both are (class tokens are then left
 *   out), else along their order.
 * - Padding: with a mask [B, T], means over tokens leave it out, and what would mix padding in is refused: maps, and tokens of two numbers.
 * - Channels: the student's become as many as the teacher's by what is trained with it: a 1×1 convolution and BN for maps, a linear layer
 *   for vectors and tokens.
 *
 * @param name Of the adapter among the loss's parts, such as `adapter0`.
 * @param mask 1 for tokens and 0 for padding, where the networks take texts.
 * @throws LimbeckError when the two can't be brought together.
 */
export function fitPair(parts: LossParts, name: string, pair: FeaturePair, fit: Fit, mask?: Value): FeaturePair {
  const { g } = parts;
  const form = commonForm(pair, fit);
  if (form === undefined) return pair;
  if (mask) requireMaskable(pair, form, mask);
  let student = toForm(g, pair.student, form, pair, mask);
  let teacher = toForm(g, pair.teacher, form, pair, mask);
  if (fit.space === "same" && form === "maps") [student, teacher] = averageAlike(g, student, teacher);
  if (fit.space === "same" && form === "tokens") [student, teacher] = tokensAlike(g, student, teacher);
  if (fit.channels === "same") student = withChannels(parts, name, student, channelsOf(teacher));
  return { student, teacher };
}

/** The form that both are brought into; none where they may stay as they are. @throws LimbeckError when a value has no form. */
function commonForm(pair: FeaturePair, fit: Fit): Form | undefined {
  const [student, teacher] = [pair.student, pair.teacher].map((value) => forms[value.shape.length]);
  if (fit.form !== "any") return fit.form;
  if (fit.channels === "any" && fit.space === "any") return undefined;
  if (!student || !teacher) {
    if (pair.student.shape.join() === pair.teacher.shape.join()) return undefined;
    throw unfit(pair, "they differ, and an adapter takes maps, tokens or vectors", "Pair other tensors.");
  }
  return student === "vectors" ? student : teacher;
}

/** @throws LimbeckError where padding couldn't be left out of what a loss sees. */
function requireMaskable(pair: FeaturePair, form: Form, mask: Value): void {
  if (form === "maps") {
    throw unfit(pair, "the loss takes maps, of which padding can't be left out", "For texts, use a loss on tokens, attentions or vectors.");
  }
  const counts = [pair.student, pair.teacher].filter(({ shape }) => shape.length === 3).map(({ shape }) => shape[1]);
  if (counts.every((count) => count === mask.shape[1])) return;
  throw unfit(pair, `texts have ${mask.shape[1]} tokens here, padding among them`, "Pair values of every token, or vectors.");
}

function toForm(g: GraphBuilder, value: Value, form: Form, pair: FeaturePair, mask?: Value): Value {
  const from = forms[value.shape.length];
  if (from === form) return value;
  if (from === "maps") return form === "vectors" ? g.reduceMean(value, { axes: [2, 3] }) : mapToTokens(g, value);
  if (from !== "tokens") {
    throw unfit(
      pair,
      `the loss needs ${form} ${shapesOf[form]}, which "${value.name}" can't be turned into`,
      `Pair taps that are ${form} in both networks (\`limbeck inspect\` lists them), or use a loss on ${from ?? "other tensors"}.`,
    );
  }
  if (form === "vectors") return meanOfTokens(g, value, mask);
  const side = sideOf(value);
  if (side === undefined) {
    throw unfit(
      pair,
      `the ${value.shape[1]} tokens of "${value.name}" make no square map`,
      "Use a loss on tokens or vectors, or other taps.",
    );
  }
  return tokensToMap(g, value, side);
}

/** The side of the square that tokens make, with or without a class token before them. */
function sideOf({ shape }: Value): number | undefined {
  const count = Number(shape[1]);
  return [count, count - 1].map((tokens) => Math.sqrt(tokens)).find((side) => side >= 1 && Number.isInteger(side));
}

/** [B, T, D] to [B, D, side, side]; a class token is left out. */
function tokensToMap(g: GraphBuilder, tokens: Value, side: number): Value {
  const [batch, count, features] = tokens.shape.map(Number) as [number, number, number];
  const patches = count === side * side ? tokens : g.slice(tokens, [{ axis: 1, start: 1, end: count }]);
  return g.reshape(g.transpose(patches, [0, 2, 1]), [batch, features, side, side]);
}

/** [B, C, H, W] to [B, H·W, C] */
function mapToTokens(g: GraphBuilder, map: Value): Value {
  return g.transpose(g.reshape(map, [...map.shape.slice(0, 2), -1]), [0, 2, 1]);
}

function tokensAlike(g: GraphBuilder, student: Value, teacher: Value): readonly [Value, Value] {
  const [ours, theirs] = [Number(student.shape[1]), Number(teacher.shape[1])];
  if (ours === theirs) return [student, teacher];
  const sides = [student, teacher].map(sideOf);
  if (sides.every((side) => side !== undefined)) {
    const [a, b] = averageAlike(g, tokensToMap(g, student, sides[0] as number), tokensToMap(g, teacher, sides[1] as number));
    return [mapToTokens(g, a), mapToTokens(g, b)];
  }
  const size = Math.min(ours, theirs);
  return [averageAlong(g, student, 1, size), averageAlong(g, teacher, 1, size)];
}

/** The axis of channels, of a value in one of the forms. */
const channelsOf = ({ shape }: Value): number => Number(shape.length === 4 ? shape[1] : shape.at(-1));

function withChannels({ module }: LossParts, name: string, value: Value, channels: number): Value {
  if (channelsOf(value) === channels) return value;
  return module(name, [value], (network, x) =>
    value.shape.length === 4 ? convolved(network, x as Value, channels) : linearOverLast(network, x as Value, channels),
  );
}

function convolved(network: Network, map: Value, channels: number): Value {
  const { g } = network;
  const y = g.scope("conv", () => conv2d(network, map, channels, 1));
  return g.scope("bn", () => batchNorm(network, y));
}

function linearOverLast(network: Network, x: Value, features: number): Value {
  const { g } = network;
  const rows = g.reshape(x, [elementCount(x.shape.slice(0, -1).map(Number)), channelsOf(x)]);
  const y = g.scope("linear", () => linear(network, rows, features, { init: lecunUniform() }));
  return g.reshape(y, [...x.shape.slice(0, -1), features]);
}

function unfit({ student, teacher }: FeaturePair, why: string, hint: string): LimbeckError {
  const [ours, theirs] = [student, teacher].map(({ name, shape }) => `"${name}" ${formatShape(shape)}`);
  return new LimbeckError(`The student's ${ours} and the teacher's ${theirs} can't be brought together: ${why}.`, { hint });
}
