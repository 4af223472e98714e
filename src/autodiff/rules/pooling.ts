import { intAttribute, ints, intsAttribute, string, without } from "../../graph/attributes.ts";
import type { GraphBuilder } from "../../graph/builder/builder.ts";
import type { Attributes, Node, Value } from "../../graph/graph.ts";
import { type Window, windowOf } from "../../graph/shapes/window.ts";
import { elementCount, float32, int64 } from "../../graph/tensor.ts";
import { type GradientContext, type GradientRule, type GradientRules, sizesOf } from "../rule.ts";
import { inputGradient } from "./convolution.ts";

/**
 * Where MaxPool found each maximum (the first one, as in PyTorch), counted through the whole of x. A MaxPool without this output runs
 * four times as fast, so asking for it here and not in the forward pass costs little more.
 */
function positionsOfMaxima(g: GraphBuilder, x: Value, attributes: Attributes): Value {
  return g.emit("MaxPool", [x], { attributes: without(attributes, "storage_order"), outputs: 2 })[1] as Value;
}

/**
 * Adds each element of dy to the element of x at its position. Where no two positions are the same, MaxUnpool does that in a tenth of
 * ScatterElements' time.
 */
function scatterBack(g: GraphBuilder, x: Value, positions: Value, dy: Value, areDistinct: boolean): Value {
  const sizes = sizesOf(x);
  if (areDistinct) {
    const attributes = { kernel_shape: ints(sizes.slice(2).map(() => 1)) };
    return g.emit("MaxUnpool", [dy, positions, g.constant(int64(sizes))], { attributes })[0] as Value;
  }
  const flat = (value: Value) => g.reshape(value, [elementCount(sizesOf(value))]);
  const zeros = g.expand(g.scalar(0, dy.type), [elementCount(sizes)]);
  return g.reshape(g.scatterAdd(zeros, flat(positions), flat(dy), 0), sizes);
}

const maxPool: GradientRule = ({ g, node, inputs, outputs, grads }) => {
  const x = inputs[0] as Value;
  const given = intAttribute(node, "storage_order", 0) === 0 ? outputs[1] : undefined;
  const { kernel, strides, dilations } = poolWindow(node, x);
  const areApart = kernel.every((size, axis) => (size - 1) * (dilations[axis] as number) < (strides[axis] as number));
  return [scatterBack(g, x, given ?? positionsOfMaxima(g, x, node.attributes), grads[0] as Value, areApart)];
};

/** MaxPool with a window as large as the image. */
const globalMaxPool: GradientRule = ({ g, inputs, grads }) => {
  const x = inputs[0] as Value;
  return [scatterBack(g, x, positionsOfMaxima(g, x, { kernel_shape: ints(sizesOf(x).slice(2)) }), grads[0] as Value, true)];
};

/** y is x at the positions, zero elsewhere. */
const maxUnpool: GradientRule = ({ g, inputs, grads }) => {
  const [x, positions] = inputs as [Value, Value];
  const flat = (value: Value) => g.reshape(value, [elementCount(sizesOf(value))]);
  return [g.reshape(g.gatherElements(flat(grads[0] as Value), flat(positions), 0), x.shape)];
};

function poolWindow(node: Node, x: Value): Window {
  return windowOf(node, intsAttribute(node, "kernel_shape") ?? [], sizesOf(x).slice(2));
}

/** The gradient of the sum over each window to x: each element of dy, times `weight`, goes to the elements that its window met. */
function spreadOverWindows(g: GraphBuilder, x: Value, dy: Value, window: Window, weight = 1): Value {
  const [, channels, ...spatial] = sizesOf(x) as [number, number, ...number[]];
  const { kernel, strides, dilations, padsBegin } = window;
  const tiles =
    kernel.every((size, axis) => size === strides[axis] && (dilations[axis] === 1 || size === 1) && padsBegin[axis] === 0) &&
    spatial.every((size, axis) => size >= (kernel[axis] as number) * Number(dy.shape[axis + 2]));
  if (!tiles) {
    // A depthwise convolution with ones.
    const ones = g.expand(g.scalar(weight, x.type), [channels, 1, ...kernel]);
    return inputGradient(g, dy, ones, spatial, { window, group: channels });
  }
  const scaled = weight === 1 ? dy : g.mul(dy, weight);
  const attributes = { mode: string("nearest"), coordinate_transformation_mode: string("asymmetric"), nearest_mode: string("floor") };
  const repeated = g.emit("Resize", [scaled, undefined, g.constant(float32([1, 1, ...kernel]))], { attributes })[0] as Value;
  return g.pad(repeated, [...sizesOf(x).map(() => 0), ...sizesOf(x).map((size, axis) => size - Number(repeated.shape[axis]))]);
}

/** y = Σx/count over each window */
const averagePool: GradientRule = ({ g, node, inputs, grads }) => {
  const [x, dy] = [inputs[0], grads[0]] as [Value, Value];
  const window = poolWindow(node, x);
  const output = sizesOf(dy).slice(2);
  const counts = countedElements(window, sizesOf(x).slice(2), output, intAttribute(node, "count_include_pad", 0) === 1);
  const [first] = counts as [number];
  if (counts.every((count) => count === first)) return [spreadOverWindows(g, x, dy, window, 1 / first)];
  const shares = counts.map((count) => 1 / count);
  return [spreadOverWindows(g, x, g.mul(dy, g.cast(g.constant(float32(shares, [1, 1, ...output])), x.type)), window)];
};

/** y = (Σ|x|^p)^(1/p) over each window  =>  dx = sign(x)·|x|^(p-1)·Σ dy·y^(1-p), taken as 0 where y is 0 */
const lpPool: GradientRule = (context) => {
  const { g, node, inputs } = context;
  const x = inputs[0] as Value;
  return [g.mul(powerSlope(context), spreadOverWindows(g, x, perNorm(context), poolWindow(node, x)))];
};

const globalLpPool: GradientRule = (context) => [context.g.mul(powerSlope(context), perNorm(context))];

/** sign(x)·|x|^(p-1) */
function powerSlope({ g, node, inputs }: GradientContext): Value {
  const [x, p] = [inputs[0] as Value, intAttribute(node, "p", 2)];
  if (p === 1) return g.sign(x);
  return p === 2 ? x : g.mul(g.sign(x), g.pow(g.abs(x), p - 1));
}

/** dy·y^(1-p) */
function perNorm({ g, node, outputs, grads }: GradientContext): Value {
  const [y, dy, p] = [outputs[0] as Value, grads[0] as Value, intAttribute(node, "p", 2)];
  if (p === 1) return dy;
  const safe = g.where(g.equal(y, 0), 1, y);
  return g.div(dy, p === 2 ? safe : g.pow(safe, p - 1));
}

/** How many elements each window's mean is over, for every output position, row-major: the product over the axes. */
function countedElements(window: Window, spatial: readonly number[], output: readonly number[], padsCount: boolean): number[] {
  return output.reduce<number[]>(
    (counts, size, axis) => {
      const [before, after] = [window.padsBegin[axis] as number, window.padsEnd[axis] as number];
      const [low, high] = padsCount ? [-before, (spatial[axis] as number) + after] : [0, spatial[axis] as number];
      const along = Array.from({ length: size }, (_, position) => {
        const start = position * (window.strides[axis] as number) - before;
        const taps = Array.from({ length: window.kernel[axis] as number }, (_, tap) => start + tap * (window.dilations[axis] as number));
        return taps.filter((index) => index >= low && index < high).length;
      });
      return counts.flatMap((count) => along.map((more) => count * more));
    },
    [1],
  );
}

const globalAveragePool: GradientRule = ({ g, inputs, grads }) => {
  const sizes = sizesOf(inputs[0] as Value);
  return [g.expand(g.mul(grads[0] as Value, 1 / elementCount(sizes.slice(2))), sizes)];
};

export const poolingRules: GradientRules = {
  MaxPool: maxPool,
  GlobalMaxPool: globalMaxPool,
  AveragePool: averagePool,
  GlobalAveragePool: globalAveragePool,
  LpPool: lpPool,
  GlobalLpPool: globalLpPool,
  MaxUnpool: maxUnpool,
};
