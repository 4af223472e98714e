import { intAttribute, intsAttribute, without } from "../../attributes.ts";
import type { Dim, Shape } from "../../graph.ts";
import { constantNumbers, knownSizes, normalizeAxis, productOf, required } from "../../shapes/rule.ts";
import { slicedAxes } from "../../shapes/slice.ts";
import { multiply } from "../../shapes/symbolic.ts";
import { int64 } from "../../tensor.ts";
import { alignedSamples, alike, allOutputs, type BatchContext, type BatchRule, ofFirstInput, type Samples } from "./rule.ts";

/** Sizes of 2³¹ − 1 and more mean "to the end". */
const TO_THE_END = 2 ** 31 - 1;

/**
 * Where the samples are in a new shape: there is as much around each of them as before. A batch of 1 can be in several places, and each
 * will do. Best is an axis of its own; and features, which come last, rather stay apart from the samples.
 */
function samplesIn({ size }: BatchContext, from: Shape, to: Shape, samples: Samples): Samples | undefined {
  const before = multiply(samples.outer, productOf(from.slice(0, samples.axis)));
  const found = to.flatMap((all, axis): Samples[] => {
    const outer = quotient(before, productOf(to.slice(0, axis)));
    const each = outer && quotient(all, multiply(outer, size));
    return outer && each ? [{ axis, outer, each }] : [];
  });
  const isInner = ({ axis }: Samples) => axis < to.length - 1;
  const isWhole = ({ outer }: Samples) => outer === 1;
  return (
    found.find((one) => one.outer === 1 && one.each === 1) ??
    found.find((one) => isInner(one) && isWhole(one)) ??
    found.find(isInner) ??
    found[0]
  );
}

/** `undefined` where it isn't whole, or not known. */
function quotient(a: Dim, b: Dim): Dim | undefined {
  if (a === b) return 1;
  if (b === 1) return a;
  return typeof a === "number" && typeof b === "number" && b > 0 && a % b === 0 ? a / b : undefined;
}

const reshape: BatchRule = (context) => {
  const samples = ofFirstInput(context);
  const { shape: from } = required(context, 0);
  const given = constantNumbers(context, 1) ?? [];
  const to = resolved(context, from, given);
  const found = samplesIn(context, from, to, samples);
  if (!found) throw context.refusal(`its shape [${given.join(", ")}] does not keep the samples apart`);
  const isCopied = found.axis === samples.axis && alike(found, samples);
  const target = given.map((size, axis): number => {
    if (axis === found.axis) return isCopied ? 0 : -1;
    const known = to[axis];
    // One size can be left open, and an axis can be copied only from where nothing changes.
    if ((size === -1 && !isCopied) || (size === 0 && axis === samples.axis)) {
      if (typeof known !== "number") throw context.refusal("more than its batch is left open");
      return known;
    }
    return size;
  });
  const inputs = [context.node.inputs[0] ?? "", context.store("shape", int64(target))];
  return allOutputs(context, found, { inputs, attributes: without(context.node.attributes, "allowzero") });
};

/** The new shape, for the fixed batch. */
function resolved(context: BatchContext, from: Shape, given: readonly number[]): Shape {
  if (intAttribute(context.node, "allowzero", 0) && given.includes(0)) throw context.refusal("it makes a tensor without elements");
  const copied = given.map((size, axis): Dim => (size === 0 ? (from[axis] as Dim) : size));
  const rest = productOf(copied.filter((size) => size !== -1));
  const total = productOf(from);
  const open = typeof rest === "number" && typeof total === "number" ? total / rest : "open";
  return copied.map((size) => (size === -1 ? open : size));
}

const flatten: BatchRule = (context) => {
  const { axis, outer, each } = ofFirstInput(context);
  const { shape } = required(context, 0);
  const raw = intAttribute(context.node, "axis", 1);
  const split = raw < 0 ? raw + shape.length : raw;
  const [begin, end] = axis < split ? [0, split] : [split, shape.length];
  const merged = {
    outer: multiply(outer, productOf(shape.slice(begin, axis))),
    each: multiply(each, productOf(shape.slice(axis + 1, end))),
  };
  return allOutputs(context, { axis: axis < split ? 0 : 1, ...merged });
};

const transpose: BatchRule = (context) => {
  const samples = ofFirstInput(context);
  const { length: rank } = required(context, 0).shape;
  const order = intsAttribute(context.node, "perm") ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
  return allOutputs(context, { ...samples, axis: order.indexOf(samples.axis) });
};

const squeeze: BatchRule = (context) => {
  const samples = ofFirstInput(context);
  const { shape } = required(context, 0);
  const given = constantNumbers(context, 1);
  const axes =
    given?.map((axis) => normalizeAxis(context, axis, shape.length)) ?? shape.flatMap((size, axis) => (size === 1 ? [axis] : []));
  if (axes.includes(samples.axis)) throw context.refusal("it drops the axis of the samples");
  const kept = { ...samples, axis: samples.axis - axes.filter((axis) => axis < samples.axis).length };
  return given
    ? allOutputs(context, kept)
    : allOutputs(context, kept, { inputs: [context.node.inputs[0] ?? "", context.store("axes", int64(axes))] });
};

const unsqueeze: BatchRule = (context) => {
  const samples = ofFirstInput(context);
  const given = constantNumbers(context, 1) ?? [];
  const rank = required(context, 0).shape.length + given.length;
  const added = new Set(given.map((axis) => normalizeAxis(context, axis, rank)));
  const kept = Array.from({ length: rank }, (_, axis) => axis).filter((axis) => !added.has(axis));
  return allOutputs(context, { ...samples, axis: kept[samples.axis] as number });
};

const concat: BatchRule = (context) => {
  const { inputs, samples } = alignedSamples(context);
  const axis = normalizeAxis(context, intAttribute(context.node, "axis", 0), required(context, 0).shape.length);
  if (axis === samples.axis) throw context.refusal("it joins along the axis of the samples");
  return allOutputs(context, samples, { inputs });
};

const split: BatchRule = (context) => {
  const samples = ofFirstInput(context);
  const axis = normalizeAxis(context, intAttribute(context.node, "axis", 0), required(context, 0).shape.length);
  if (axis === samples.axis) throw context.refusal("it parts the samples");
  return allOutputs(context, samples);
};

/** Of the samples' axis it must take everything, and say so: an end of 1 may mean the batch, or the first sample. */
const slice: BatchRule = (context) => {
  const samples = ofFirstInput(context);
  const all = slicedAxes(context);
  if (!all) throw context.refusal("its axes are not known");
  const place = all.findIndex(({ axis }) => axis === samples.axis);
  const taken = all[place];
  const end = knownSizes(context, 2)?.[place];
  if (taken && !(taken.start === 0 && taken.step === 1 && typeof end === "number" && end >= TO_THE_END))
    throw context.refusal("it picks samples");
  return allOutputs(context, samples);
};

const pad: BatchRule = (context) => {
  const samples = ofFirstInput(context);
  const { length: rank } = required(context, 0).shape;
  const axes =
    constantNumbers(context, 3)?.map((axis) => normalizeAxis(context, axis, rank)) ?? Array.from({ length: rank }, (_, axis) => axis);
  const pads = constantNumbers(context, 1) ?? [];
  const place = axes.indexOf(samples.axis);
  if (place >= 0 && (pads[place] || pads[place + axes.length])) throw context.refusal("it adds samples");
  return allOutputs(context, samples);
};

/** A size of 1 leaves an axis as it is. */
const expand: BatchRule = (context) => {
  const samples = ofFirstInput(context);
  const { shape } = required(context, 0);
  const target = [...(constantNumbers(context, 1) ?? [])];
  const place = target.length - (shape.length - samples.axis);
  if (place >= 0) {
    if (target[place] !== 1 && target[place] !== shape[samples.axis]) throw context.refusal("it repeats the samples");
    target[place] = 1;
  }
  const inputs = [context.node.inputs[0] ?? "", context.store("shape", int64(target))];
  return allOutputs(context, { ...samples, axis: samples.axis + Math.max(0, target.length - shape.length) }, { inputs });
};

const tile: BatchRule = (context) => {
  const samples = ofFirstInput(context);
  if (constantNumbers(context, 1)?.[samples.axis] !== 1) throw context.refusal("it repeats the samples");
  return allOutputs(context, samples);
};

/** Sizes other than the batch's. */
const shapeOf: BatchRule = (context) => {
  const samples = ofFirstInput(context);
  const { length: rank } = required(context, 0).shape;
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  if (axes.slice(intAttribute(context.node, "start", 0), intAttribute(context.node, "end", rank)).includes(samples.axis))
    throw context.refusal("it computes with the size of the batch");
  return { outputs: [undefined] };
};

export const layoutRules: Readonly<Record<string, BatchRule>> = {
  Concat: concat,
  Expand: expand,
  Flatten: flatten,
  Pad: pad,
  Reshape: reshape,
  Shape: shapeOf,
  Slice: slice,
  Split: split,
  Squeeze: squeeze,
  Tile: tile,
  Transpose: transpose,
  Unsqueeze: unsqueeze,
};
