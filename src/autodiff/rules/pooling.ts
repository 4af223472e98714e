import { intAttribute, ints, intsAttribute, without } from "../../graph/attributes.ts";
import type { GraphBuilder } from "../../graph/builder/builder.ts";
import type { Attributes, Value } from "../../graph/graph.ts";
import { type Window, windowOf } from "../../graph/shapes/window.ts";
import { float32 } from "../../graph/tensor.ts";
import { type GradientRule, type GradientRules, sizesOf } from "../rule.ts";
import { inputGradient } from "./convolution.ts";

/**
 * Where MaxPool found each maximum (the first one, as in PyTorch), counted through the whole of x. A MaxPool without this output runs
 * four times as fast, so asking for it here and not in the forward pass costs little more.
 */
function positionsOfMaxima(g: GraphBuilder, x: Value, attributes: Attributes): Value {
  return g.emit("MaxPool", [x], { attributes: without(attributes, "storage_order"), outputs: 2 })[1] as Value;
}

/** Adds each element of dy to the element of x at its position. */
function scatterBack(g: GraphBuilder, x: Value, positions: Value, dy: Value): Value {
  const sizes = sizesOf(x);
  const flat = (value: Value) => g.reshape(value, [sizesOf(value).reduce((product, size) => product * size, 1)]);
  const zeros = g.expand(g.scalar(0, x.type), [sizes.reduce((product, size) => product * size, 1)]);
  return g.reshape(g.scatterAdd(zeros, flat(positions), flat(dy), 0), sizes);
}

const maxPool: GradientRule = ({ g, node, inputs, outputs, grads }) => {
  const x = inputs[0] as Value;
  const given = intAttribute(node, "storage_order", 0) === 0 ? outputs[1] : undefined;
  return [scatterBack(g, x, given ?? positionsOfMaxima(g, x, node.attributes), grads[0] as Value)];
};

/** MaxPool with a window as large as the image. */
const globalMaxPool: GradientRule = ({ g, inputs, grads }) => {
  const x = inputs[0] as Value;
  return [scatterBack(g, x, positionsOfMaxima(g, x, { kernel_shape: ints(sizesOf(x).slice(2)) }), grads[0] as Value)];
};

/** A mean over a window is a depthwise convolution with ones, over the number of elements that count. */
const averagePool: GradientRule = ({ g, node, inputs, grads }) => {
  const [x, dy] = [inputs[0], grads[0]] as [Value, Value];
  const [, channels, ...spatial] = sizesOf(x) as [number, number, ...number[]];
  const kernel = intsAttribute(node, "kernel_shape") ?? [];
  const window = windowOf(node, kernel, spatial);
  const counts = countedElements(window, spatial, sizesOf(dy).slice(2), intAttribute(node, "count_include_pad", 0) === 1);
  const [first] = counts as [number];
  const back = (grad: Value, weight: number): Value =>
    inputGradient(g, grad, g.expand(g.scalar(weight, x.type), [channels, 1, ...kernel]), spatial, { window, group: channels });
  if (counts.every((count) => count === first)) return [back(dy, 1 / first)];
  const scales = g.constant(
    float32(
      counts.map((count) => 1 / count),
      [1, 1, ...sizesOf(dy).slice(2)],
    ),
  );
  return [back(g.mul(dy, g.cast(scales, x.type)), 1)];
};

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
  const pixels = sizes.slice(2).reduce((product, size) => product * size, 1);
  return [g.expand(g.mul(grads[0] as Value, 1 / pixels), sizes)];
};

export const poolingRules: GradientRules = {
  MaxPool: maxPool,
  GlobalMaxPool: globalMaxPool,
  AveragePool: averagePool,
  GlobalAveragePool: globalAveragePool,
};
