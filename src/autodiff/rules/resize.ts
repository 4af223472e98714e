import { LimbeckError } from "../../errors.ts";
import { floatAttribute, intAttribute, intsAttribute, stringAttribute } from "../../graph/attributes.ts";
import { describeNode, type Node, type Value } from "../../graph/graph.ts";
import { constantInput, type GradientContext, type GradientRule, type GradientRules, sizesOf } from "../rule.ts";
import { type AxisMap, type Tap, throughAxisMap } from "./axis-map.ts";

/** One resized axis. */
interface Resized {
  readonly axis: number;
  /** Elements before and after. */
  readonly size: number;
  readonly length: number;
  /** What positions are scaled by; not always length/size, for sizes are rounded. */
  readonly scale: number;
  /** The part of the axis that `tf_crop_and_resize` takes, from 0 to 1. */
  readonly crop: readonly [number, number];
}

/** Every way of interpolating is linear, axis by axis; so its gradient is the product with each axis's transposed matrix. */
const resize: GradientRule = (context) => {
  const { g, node, inputs, grads } = context;
  if (intAttribute(node, "antialias", 0) === 1) {
    throw new LimbeckError(`No gradient rule for ${describeNode(node)} with antialias.`, {
      hint: "Freeze the parameters before this node, or export the model without antialiasing.",
    });
  }
  const sizes = sizesOf(inputs[0] as Value);
  const dy = grads[0] as Value;
  const maps = resizedAxes(context, sizes).map((resized) => ({ axis: resized.axis, map: interpolation(node, resized) }));
  const factors = sizes.map((_, axis) => {
    const along = maps.find((resized) => resized.axis === axis);
    return along ? repeatFactor(along.map) : 1;
  });
  if (factors.every((factor) => factor !== undefined)) {
    // Every element was repeated a whole number of times.
    const blocks = g.reshape(
      dy,
      sizes.flatMap((size, axis) => (factors[axis] === 1 ? [size] : [size, factors[axis] as number])),
    );
    const repeated = factors.flatMap((factor, axis) =>
      factor === 1 ? [] : [axis + 1 + factors.slice(0, axis).filter((other) => other !== 1).length],
    );
    return [g.reduceSum(blocks, { axes: repeated })];
  }
  // From the last axis on, so that later products have the longer rows.
  return [maps.reduceRight((dx, { axis, map }) => throughAxisMap(g, dx, axis, map), dy)];
};

/** The axes that change, or whose elements move. */
function resizedAxes(context: GradientContext, sizes: readonly number[]): Resized[] {
  const { node, inputs, outputs } = context;
  const lengths = sizesOf(outputs[0] as Value);
  const axes = (intsAttribute(node, "axes") ?? [...sizes.keys()]).map((axis) => (axis < 0 ? axis + sizes.length : axis));
  const scales = inputs[2]?.shape[0] === 0 ? undefined : constantInput(context, 2);
  const policy = stringAttribute(node, "keep_aspect_ratio_policy", "stretch");
  const asked = (policy === "stretch" ? undefined : constantInput(context, 3)) ?? axes.map((axis) => lengths[axis] as number);
  const ratios = axes.map((axis, index) => Math.fround((asked[index] as number) / (sizes[axis] as number)));
  const common = policy === "not_larger" ? Math.min(...ratios) : policy === "not_smaller" ? Math.max(...ratios) : undefined;
  const isCrop = stringAttribute(node, "coordinate_transformation_mode", "half_pixel") === "tf_crop_and_resize";
  const roi = isCrop ? constantInput(context, 1) : undefined;
  return axes.flatMap((axis, index): Resized[] => {
    const [size, length] = [sizes[axis] as number, lengths[axis] as number];
    const scale = scales?.[index] ?? common ?? (ratios[index] as number);
    const crop = roi ? ([roi[index] as number, roi[axes.length + index] as number] as const) : ([0, 1] as const);
    return size === length && scale === 1 && crop[0] === 0 && crop[1] === 1 ? [] : [{ axis, size, length, scale, crop }];
  });
}

/** How many times each element is repeated, where that is all that happens. */
function repeatFactor({ size, taps }: AxisMap): number | undefined {
  const factor = taps.length / size;
  const isRepetition = taps.every(([tap, ...others], position) => {
    return others.length === 0 && tap?.weight === 1 && tap.index === Math.floor(position / factor);
  });
  return Number.isInteger(factor) && isRepetition ? factor : undefined;
}

function interpolation(node: Node, resized: Resized): AxisMap {
  const { size, length } = resized;
  const transformation = stringAttribute(node, "coordinate_transformation_mode", "half_pixel");
  const taps = Array.from({ length }, (_, position) => {
    const original = originalPosition(transformation, position, resized);
    // What is beyond the cropped image is extrapolated by a constant.
    if (transformation === "tf_crop_and_resize" && (original < 0 || original > size - 1)) return [];
    return tapsAt(node, original, size);
  });
  return { size, taps };
}

const { fround } = Math;

/**
 * Where an element of the result lies among those of x, in float32 as the runtime computes it: the nearest element depends on the last bit.
 */
function originalPosition(transformation: string, position: number, { size, length, scale, crop }: Resized): number {
  const halfPixel = () => fround(fround(fround(position + 0.5) / fround(scale)) - 0.5);
  switch (transformation) {
    case "asymmetric":
      return fround(position / fround(scale));
    case "align_corners":
      return length === 1 ? 0 : fround(fround(position * (size - 1)) / (length - 1));
    case "pytorch_half_pixel":
      return length > 1 ? halfPixel() : 0;
    case "half_pixel_symmetric": {
      const adjustment = fround(length / fround(fround(scale) * size));
      const offset = fround(fround(size / 2) * fround(1 - adjustment));
      return fround(offset + halfPixel());
    }
    case "tf_crop_and_resize": {
      const [start, end] = crop;
      return length > 1 ? start * (size - 1) + (position * (end - start) * (size - 1)) / (length - 1) : 0.5 * (start + end) * (size - 1);
    }
    default:
      return halfPixel();
  }
}

/** What the element at a position between those of x is made of. */
function tapsAt(node: Node, original: number, size: number): Tap[] {
  const mode = stringAttribute(node, "mode", "nearest");
  const inside = (index: number) => Math.min(Math.max(index, 0), size - 1);
  if (mode === "nearest")
    return [{ index: inside(nearest(stringAttribute(node, "nearest_mode", "round_prefer_floor"), original)), weight: 1 }];
  if (mode === "linear") {
    const clamped = inside(original);
    const [below, fraction] = [Math.floor(clamped), clamped - Math.floor(clamped)];
    return fraction === 0
      ? [{ index: below, weight: 1 }]
      : [
          { index: below, weight: 1 - fraction },
          { index: below + 1, weight: fraction },
        ];
  }
  const below = Math.floor(original);
  const weights = cubicWeights(original - below, floatAttribute(node, "cubic_coeff_a", -0.75));
  const taps = weights.map((weight, tap) => ({ index: below - 1 + tap, weight }));
  if (intAttribute(node, "exclude_outside", 0) === 0) return taps.map(({ index, weight }) => ({ index: inside(index), weight }));
  const kept = taps.filter(({ index }) => index === inside(index));
  const total = kept.reduce((sum, { weight }) => sum + weight, 0);
  return kept.map(({ index, weight }) => ({ index, weight: weight / total }));
}

/** ONNX Runtime takes a position within this of the middle for the middle. */
const MIDDLE = 1e-6;

function nearest(mode: string, original: number): number {
  const below = Math.floor(original);
  if (mode === "floor") return below;
  if (mode === "ceil") return Math.ceil(original);
  const beyondMiddle = original - below - 0.5;
  return beyondMiddle >= MIDDLE || (mode === "round_prefer_ceil" && beyondMiddle > -MIDDLE) ? below + 1 : below;
}

/**
 * Keys, 1981: weights of the four elements around a position, `fraction` after the second, with a = -0.75 in PyTorch and -0.5 in
 * TensorFlow.
 */
function cubicWeights(fraction: number, a: number): number[] {
  const near = (distance: number) => ((a + 2) * distance - (a + 3)) * distance ** 2 + 1;
  const far = (distance: number) => ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a;
  return [far(fraction + 1), near(fraction), near(1 - fraction), far(2 - fraction)];
}

export const resizeRules: GradientRules = { Resize: resize };
