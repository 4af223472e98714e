import type { GraphBuilder } from "../../graph/builder/builder.ts";
import type { Value } from "../../graph/graph.ts";
import type { Window } from "../../graph/shapes/window.ts";
import { sizesOf } from "../rule.ts";
import { type Blocked, cutTo, extentOf, pickRows, pixelRows } from "./layout.ts";
import { weightFrom } from "./weights.ts";

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
    pixelRows(g, x),
    [batch, rows, width, tapsInX, wide, blocks],
    ([image = 0, row = 0, column = 0, down = 0, right = 0, block = 0]) =>
      pixel(image * blocks + block, [isSplit ? row : at(row, down, 0), at(column, right, 1)], spatial),
  );
  const unfoldedDy = pickRows(
    g,
    pixelRows(g, dy),
    [batch, rows, width, tapsInDy, output.blocks],
    ([image = 0, row = 0, column = 0, down = 0, block = 0]) =>
      pixel(image * output.blocks + block, [isSplit ? row - at(0, down, 0) : row, column], output.spatial),
  );
  const [channels, filters] = [blocks * x.block, output.blocks * dy.block];
  const [columnsOfX, columnsOfDy] = [tapsInX * wide * channels, tapsInDy * filters];
  const parts = partsOf(batch, rows * width, columnsOfX, columnsOfDy);
  const asParts = (value: Value, columns: number) => g.reshape(value, [parts, (batch / parts) * rows * width, columns]);
  const products = g.matMul(asParts(unfoldedX, columnsOfX), asParts(unfoldedDy, columnsOfDy), { transposeA: true });
  const sum = g.reshape(g.reduceSum(products, { axes: [0] }), [tapsInX * wide, channels, tapsInDy, filters]);
  return weightFrom(g, sum, [dy.channels, x.channels, tall, wide]);
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
export function depthwiseWeightGradient(
  g: GraphBuilder,
  x: Blocked,
  dy: Blocked,
  { kernel, strides, dilations, padsBegin }: Window,
): Value {
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
