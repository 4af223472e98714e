import type { GraphBuilder } from "../../graph/builder/builder.ts";
import type { Value } from "../../graph/graph.ts";
import type { Window } from "../../graph/shapes/window.ts";
import { sizesOf } from "../rule.ts";
import { weightGradient } from "../rules/convolution.ts";
import { type Blocked, cutTo, extentOf, pickRows, pixelRows } from "./layout.ts";
import { weightFrom } from "./weights.ts";

/**
 * The gradient of a blocked convolution to its weight, [M, C, ...kernel].
 *
 * On ONNX Runtime 1.30's CPU (16 channels in a block, two threads) a convolution of pixels does 200 to 330 GFLOP/s, a matrix product over
 * unfolded images 130 to 210, and it copies less.
 */
export function blockedWeightGradient(g: GraphBuilder, x: Blocked, dy: Blocked, window: Window): Value {
  const { spatial } = extentOf(x);
  if (!isByPixels(spatial, x.block, window)) return byMatrixProduct(g, x, dy, window);
  const isPointwise = window.kernel.every((size) => size === 1) && spatial.join() === extentOf(dy).spatial.join();
  const plain = ({ value, channels }: Blocked) => g.reorderOutput(value, channels);
  // What becomes the kernels needs no new order, so the larger of the two does.
  if (isPointwise && dy.channels < x.channels) return g.transpose(byPixels(g, plain(dy), x, window), [1, 0, 2, 3]);
  return byPixels(g, plain(x), dy, window);
}

/** The same for an x that isn't blocked. */
export function firstWeightGradient(g: GraphBuilder, x: Value, dy: Blocked, window: Window): Value {
  const spatial = sizesOf(x).slice(2) as [number, number];
  if (isByPixels(spatial, dy.block, window)) return byPixels(g, x, dy, window);
  return weightGradient(g, x, g.reorderOutput(dy.value, dy.channels), { window, group: 1 });
}

function isByPixels([height, width]: readonly [number, number], block: number, { strides }: Window): boolean {
  return strides.every((stride) => stride === 1) && (height * width) % block === 0;
}

/**
 * The gradient as a convolution: pixels take the place of channels, so the images of some samples are x with `block` neighbouring pixels side
 * by side and a column for each channel, and the kernels are dy as it lies in memory, shifted by each tap. Where rows are whole blocks, taps
 * along the first axis are shifts of whole rows, and so positions of the output.
 */
function byPixels(g: GraphBuilder, x: Value, dy: Blocked, window: Window): Value {
  const { block } = dy;
  const [tall, wide] = window.kernel as [number, number];
  const [pitch] = window.dilations as [number, number];
  const [above] = window.padsBegin as [number, number];
  const [batch, channels, height, width] = sizesOf(x) as [number, number, number, number];
  const pixels = height * width;
  const output = extentOf(dy);
  const shift = (position: number, tap: number, axis: number): number =>
    position + (window.padsBegin[axis] as number) - tap * (window.dilations[axis] as number);
  const isSplit = tall > 1 && width % block === 0;
  const [shifts, lines] = isSplit ? [wide, output.spatial[0]] : [tall * wide, height];
  const parts = partsOf(batch, pixels, tall * wide * channels * dy.channels, channels + dy.channels);

  const kernels = pickRows(
    g,
    pixelRows(g, dy),
    [parts, shifts, output.blocks, batch / parts, lines, width],
    ([part = 0, tap = 0, blockOfDy = 0, image = 0, row = 0, column = 0]) => {
      const y = isSplit ? row : shift(row, Math.floor(tap / wide), 0);
      const plane = (part * (batch / parts) + image) * output.blocks + blockOfDy;
      return pixelAt(plane, [y, shift(column, tap % wide, 1)], output.spatial);
    },
  );
  const [perRow, rows] = isSplit ? [width / block, height] : [pixels / block, 1];
  const segments = g.reshape(x, [(batch * channels * pixels) / block, block]);
  const images = pickRows(g, segments, [batch, rows, perRow, channels], ([image = 0, row = 0, at = 0, channel = 0]) => {
    return ((image * channels + channel) * rows + row) * perRow + at;
  });

  const [filters, taps] = [shifts * output.blocks * block, isSplit ? tall : 1];
  const size = lines * (width / block);
  const step = perRow * pitch;
  const outside = isSplit
    ? { padsBegin: [perRow * above, 0], padsEnd: [size + (tall - 1) * step - rows * perRow - perRow * above, 0] }
    : {};
  const found = g.blockedConv(
    g.reshape(images, [1, batch * block, rows * perRow, channels]),
    g.reshape(kernels, [parts * filters, (batch / parts) * block, size, 1]),
    { kernel: [size, 1], strides: [isSplit ? step : 1, 1], dilations: [1, 1], padsBegin: [0, 0], padsEnd: [0, 0], ...outside },
    { group: parts },
  );
  const sum = g.reduceSum(g.reshape(found, [parts, (filters * taps * channels) / block, block]), { axes: [0] });
  const ordered = pickRows(g, sum, [channels, tall, wide, output.blocks], ([channel = 0, down = 0, across = 0, blockOfDy = 0]) => {
    const [tap, line] = isSplit ? [across, down] : [down * wide + across, 0];
    return ((tap * output.blocks + blockOfDy) * taps + line) * channels + channel;
  });
  const columns = g.reshape(ordered, [channels * tall * wide, output.blocks * block]);
  return cutTo(g, g.reshape(g.transpose(columns, [1, 0]), [output.blocks * block, channels, tall, wide]), [
    dy.channels,
    channels,
    tall,
    wide,
  ]);
}

/** The row that a pixel of a plane has among those of all planes; −1 outside of the image. */
function pixelAt(plane: number, [row, column]: readonly [number, number], [height, width]: readonly [number, number]): number {
  return row < 0 || row >= height || column < 0 || column >= width ? -1 : (plane * height + row) * width + column;
}

/**
 * Into how many sums over some of the images the one over all is divided: as many as divide the batch and have no more than a quarter of the
 * elements that are multiplied. Sums of few images fit the caches, but must be read again.
 *
 * @param size Elements of a sum. @param channels Of both operands, per pixel.
 */
function partsOf(batch: number, pixels: number, size: number, channels: number): number {
  const most = (batch * pixels * channels) / (4 * size);
  for (let parts = batch; parts > 1; parts--) if (batch % parts === 0 && parts <= most) return parts;
  return 1;
}

/**
 * The gradient as one matrix product over all pixels of all images, x unfolded.
 *
 * With strides of 1 the taps along the last axis are laid beside each other in x and those along the first axis in dy, which copies less than
 * laying all of them beside each other in x; with others there are so much fewer pixels in dy that it pays to do that.
 */
function byMatrixProduct(g: GraphBuilder, x: Blocked, dy: Blocked, window: Window): Value {
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
  const width = output.spatial[1];
  const unfoldedX = pickRows(
    g,
    pixelRows(g, x),
    [batch, rows, width, tapsInX, wide, blocks],
    ([image = 0, row = 0, column = 0, down = 0, right = 0, block = 0]) =>
      pixelAt(image * blocks + block, [isSplit ? row : at(row, down, 0), at(column, right, 1)], spatial),
  );
  const unfoldedDy = pickRows(
    g,
    pixelRows(g, dy),
    [batch, rows, width, tapsInDy, output.blocks],
    ([image = 0, row = 0, column = 0, down = 0, block = 0]) =>
      pixelAt(image * output.blocks + block, [isSplit ? row - at(0, down, 0) : row, column], output.spatial),
  );
  const [channels, filters] = [blocks * x.block, output.blocks * dy.block];
  const [columnsOfX, columnsOfDy] = [tapsInX * wide * channels, tapsInDy * filters];
  const parts = partsOf(batch, rows * width, columnsOfX * columnsOfDy, columnsOfX + columnsOfDy);
  const asParts = (value: Value, columns: number) => g.reshape(value, [parts, (batch / parts) * rows * width, columns]);
  const products = g.matMul(asParts(unfoldedX, columnsOfX), asParts(unfoldedDy, columnsOfDy), { transposeA: true });
  const sum = g.reshape(g.reduceSum(products, { axes: [0] }), [tapsInX * wide, channels, tapsInDy, filters]);
  return weightFrom(g, sum, [dy.channels, x.channels, tall, wide]);
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
