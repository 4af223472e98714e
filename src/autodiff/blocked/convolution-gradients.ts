import type { GraphBuilder } from "../../graph/builder/builder.ts";
import type { Value } from "../../graph/graph.ts";
import { reachOf, type Window } from "../../graph/shapes/window.ts";
import { elementCount, int64 } from "../../graph/tensor.ts";
import { sizesOf } from "../rule.ts";
import { inputGradient, weightGradient } from "../rules/convolution.ts";
import type { BlockedConvolution } from "./convolution.ts";
import { blockedWeight, depthwiseWeight } from "./convolution.ts";
import { type Blocked, cutTo, extentOf, pickRows } from "./layout.ts";

/**
 * The gradient of a blocked convolution to its input: a blocked convolution of dy, spread out by the strides, with the rotated kernel.
 */
export function blockedInputGradient(g: GraphBuilder, dy: Blocked, x: Blocked, { w, window, isDepthwise }: BlockedConvolution): Value {
  const { dilations, padsBegin, padsEnd, strides } = window;
  const { spatial } = extentOf(x);
  const reach = dilations.map((_, axis) => reachOf(window, axis) - 1);
  const begin = reach.map((size, axis) => size - (padsBegin[axis] as number));
  const turned = reversed(g, w);
  const [stored, group] = isDepthwise
    ? [depthwiseWeight(g, turned, x.block), extentOf(x).blocks * x.block]
    : [blockedWeight(g, g.transpose(turned, [1, 0, 2, 3]), x.block), 1];
  const way = (padsBegin: readonly number[], padsEnd: readonly number[]): Window => ({ ...window, strides: [1, 1], padsBegin, padsEnd });
  const end = reach.map((size, axis) => size - (padsEnd[axis] as number));
  if (strides.every((stride) => stride === 1) && [...begin, ...end].every((pad) => pad >= 0)) {
    return g.blockedConv(dy.value, stored, way(begin, end), { group });
  }
  const spread = spreadOut(g, dy, spatial.map((size, axis) => size + (reach[axis] as number)) as [number, number], strides, begin);
  return g.blockedConv(spread, stored, way([0, 0], [0, 0]), { group });
}

/** dy with zeros between its pixels, and before and after them: pixel i along an axis comes to lie at begin + stride·i. */
function spreadOut(g: GraphBuilder, dy: Blocked, sizes: readonly [number, number], strides: readonly number[], begin: readonly number[]): Value {
  const { batch, blocks, spatial } = extentOf(dy);
  const [height, width] = spatial;
  const source = (position: number, axis: number): number => {
    const index = (position - (begin[axis] as number)) / (strides[axis] as number);
    return Number.isInteger(index) && index >= 0 && index < (spatial[axis] as number) ? index : -1;
  };
  const rows = pickRows(g, dy, [batch * blocks, ...sizes], ([plane = 0, y = 0, x = 0]) => {
    const [row, column] = [source(y, 0), source(x, 1)];
    return row < 0 || column < 0 ? -1 : (plane * height + row) * width + column;
  });
  return g.reshape(rows, [batch, blocks * dy.block, ...sizes]);
}

/** w with every spatial axis reversed. */
function reversed(g: GraphBuilder, w: Value): Value {
  const [filters, channels, ...kernel] = sizesOf(w) as [number, number, number, number];
  const taps = elementCount(kernel);
  if (taps === 1) return w;
  const backwards = g.constant(int64(Array.from({ length: taps }, (_, tap) => taps - 1 - tap)));
  return g.reshape(g.gather(g.reshape(w, [filters, channels, taps]), backwards, 2), sizesOf(w));
}

/**
 * The gradient of a blocked convolution to its weight, [M, C, ...kernel]: one matrix product over all pixels of all images.
 *
 * With strides of 1 the taps along the last axis are laid beside each other in x and those along the first axis in dy, which copies less than
 * laying all of them beside each other in x; with others there are so much fewer pixels in dy that it pays to do that.
 */
export function blockedWeightGradient(g: GraphBuilder, x: Blocked, dy: Blocked, window: Window): Value {
  const { kernel, strides } = window;
  const [tall, wide] = kernel as [number, number];
  const isSplit = strides.every((stride) => stride === 1) && tall > 1;
  const { batch, blocks, spatial } = extentOf(x);
  const output = extentOf(dy);
  // The rows that both sides are summed over, and the taps along the first axis that lie in x and in dy.
  const rows = isSplit ? spatial[0] : output.spatial[0];
  const [tapsInX, tapsInDy] = isSplit ? [1, tall] : [tall, 1];
  const at = (position: number, tap: number, axis: number): number =>
    position * (strides[axis] as number) + tap * (window.dilations[axis] as number) - (window.padsBegin[axis] as number);
  const pixel = (plane: number, [row, column]: readonly [number, number], [height, width]: readonly [number, number]): number =>
    row < 0 || row >= height || column < 0 || column >= width ? -1 : (plane * height + row) * width + column;
  const width = output.spatial[1];
  const unfoldedX = pickRows(
    g,
    x,
    [batch, rows, width, tapsInX, wide, blocks],
    ([image = 0, row = 0, column = 0, down = 0, right = 0, block = 0]) =>
      pixel(image * blocks + block, [isSplit ? row : at(row, down, 0), at(column, right, 1)], spatial),
  );
  const unfoldedDy = pickRows(g, dy, [batch, rows, width, tapsInDy, output.blocks], ([image = 0, row = 0, column = 0, down = 0, block = 0]) =>
    pixel(image * output.blocks + block, [isSplit ? row - at(0, down, 0) : row, column], output.spatial),
  );
  const [channels, filters] = [blocks * x.block, output.blocks * dy.block];
  const [columnsOfX, columnsOfDy] = [tapsInX * wide * channels, tapsInDy * filters];
  const parts = partsOf(batch, rows * width, columnsOfX, columnsOfDy);
  const asParts = (value: Value, columns: number) => g.reshape(value, [parts, (batch / parts) * rows * width, columns]);
  const products = g.matMul(asParts(unfoldedX, columnsOfX), asParts(unfoldedDy, columnsOfDy), { transposeA: true });
  const sum = g.reshape(g.reduceSum(products, { axes: [0] }), [tapsInX, wide, channels, tapsInDy, filters]);
  const ordered = g.reshape(g.transpose(sum, [4, 2, 0, 3, 1]), [filters, channels, tall, wide]);
  return cutTo(g, ordered, [dy.channels, x.channels, tall, wide]);
}

/**
 * Into how many products over some of the images the one over all is divided: as many as divide the batch and give partial sums of no more
 * than a quarter of the elements that are multiplied. Small products fit the caches; their sums must be read again.
 */
function partsOf(batch: number, rows: number, columnsOfX: number, columnsOfDy: number): number {
  const most = (batch * rows * (columnsOfX + columnsOfDy)) / (4 * columnsOfX * columnsOfDy);
  for (let parts = batch; parts > 1; parts--) if (batch % parts === 0 && parts <= most) return parts;
  return 1;
}

/**
 * The gradient of a blocked depthwise convolution to its weight, [C, 1, ...kernel]: a depthwise convolution whose channels are those of every
 * image and whose kernels are all of dy, strides and dilations changing places. Nothing is copied for it.
 */
export function depthwiseWeightGradient(g: GraphBuilder, x: Blocked, dy: Blocked, { kernel, strides, dilations, padsBegin }: Window): Value {
  const { batch, blocks, spatial } = extentOf(x);
  const output = extentOf(dy).spatial;
  const channels = blocks * x.block;
  // Enough at the end for every tap, and no less than nothing: taps beyond the kernel are cut off.
  const padsEnd = kernel.map((size, axis) => {
    const covered = (strides[axis] as number) * ((output[axis] as number) - 1) + (dilations[axis] as number) * (size - 1) + 1;
    return Math.max(0, covered - (spatial[axis] as number) - (padsBegin[axis] as number));
  });
  const window = { kernel: output, strides: dilations, dilations: strides, padsBegin, padsEnd };
  const image = g.reshape(x.value, [1, batch * channels, ...spatial]);
  const found = g.blockedConv(image, g.reshape(dy.value, [batch * channels, 1, ...output]), window, { group: batch * channels });
  const taps = sizesOf(found).slice(2);
  const perBlock = g.reduceSum(g.reshape(found, [batch, blocks, ...taps, x.block]), { axes: [0] });
  const ordered = g.reshape(g.transpose(perBlock, [0, 3, 1, 2]), [channels, 1, ...taps]);
  return cutTo(g, ordered, [x.channels, 1, ...kernel]);
}

/** The gradients of a convolution outside the blocked layout to x and w. */
export function plainInputGradients(g: GraphBuilder, x: Value, w: Value, dy: Value, window: Window): [Value, Value] {
  const convolution = { window, group: 1 };
  return [inputGradient(g, dy, w, sizesOf(x).slice(2), convolution), weightGradient(g, x, dy, convolution)];
}
