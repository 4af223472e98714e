import type { GraphBuilder } from "../../graph/builder/builder.ts";
import type { Value } from "../../graph/graph.ts";
import { elementCount, int32 } from "../../graph/tensor.ts";
import { composite } from "../composite.ts";
import { sizesOf } from "../rule.ts";

/**
 * An image [N, C, H, W] in ONNX Runtime's blocked layout: `value` has the shape [N, C filled up to whole blocks, H, W] and lies in memory as
 * [N, C/block, H, W, block]. What the channels beyond C hold means nothing, but is finite.
 */
export interface Blocked {
  readonly value: Value;
  /** C */
  readonly channels: number;
  readonly block: number;
}

export const wholeBlocks = (channels: number, block: number): number => Math.ceil(channels / block) * block;

/** Batch, blocks of channels, pixels of each. */
export function extentOf({ value, block }: Blocked): { batch: number; blocks: number; pixels: number; spatial: [number, number] } {
  const [batch, channels, height, width] = sizesOf(value) as [number, number, number, number];
  return { batch, blocks: channels / block, pixels: height * width, spatial: [height, width] };
}

/** Zeros after the elements of each axis, up to the sizes given. */
export function filledUp(g: GraphBuilder, x: Value, sizes: readonly number[]): Value {
  const missing = sizesOf(x).map((size, axis) => (sizes[axis] as number) - size);
  return g.pad(x, [...missing.map(() => 0), ...missing]);
}

/** The first elements of each axis, up to the sizes given: what `filledUp` was made from. */
export function cutTo(g: GraphBuilder, x: Value, sizes: readonly number[]): Value {
  const ranges = sizes.flatMap((size, axis) => (size === x.shape[axis] ? [] : [{ axis, start: 0, end: size }]));
  return ranges.length === 0 ? x : g.slice(x, ranges);
}

const reordered = (g: GraphBuilder, x: Value, block: number): Value => {
  const [batch, channels, ...spatial] = sizesOf(x) as [number, number, ...number[]];
  return g.reorderInput(filledUp(g, x, [batch, wholeBlocks(channels, block), ...spatial]));
};

/** x [N, C, H, W] in blocks. */
export function toBlocked(g: GraphBuilder, x: Value, block: number): Blocked {
  const channels = sizesOf(x)[1] as number;
  const [value] = composite(g, [x], () => ({
    outputs: [reordered(g, x, block)],
    rule: ([dy]) => [dy && g.reorderOutput(dy, channels)],
  })) as [Value];
  return { value, channels, block };
}

/** A blocked image as [N, C, H, W]. */
export function fromBlocked(g: GraphBuilder, { value, channels, block }: Blocked): Value {
  const [plain] = composite(g, [value], () => ({
    outputs: [g.reorderOutput(value, channels)],
    rule: ([dy]) => [dy && reordered(g, dy, block)],
  })) as [Value];
  return plain;
}

/** Mean of x over its pixels: [N, C filled up]. */
function imageMeans(g: GraphBuilder, x: Blocked): Value {
  return g.reshape(g.blockedAverage(x.value), sizesOf(x.value).slice(0, 2));
}

/** Mean of x over everything but the channels: [C filled up]. */
export function channelMeans(g: GraphBuilder, x: Blocked): Value {
  return g.reduceMean(imageMeans(g, x), { axes: [0] });
}

/** Sum of x over everything but the channels: [C]. */
export function channelSums(g: GraphBuilder, x: Blocked): Value {
  const { batch, pixels } = extentOf(x);
  return g.mul(cutTo(g, channelMeans(g, x), [x.channels]), batch * pixels);
}

/**
 * Mean of a·b over everything but the channels: [C filled up]. Each image's channel of b is the kernel of a depthwise convolution that covers
 * all of a's, so that both are read once and nothing is written in between.
 */
export function channelDots(g: GraphBuilder, a: Blocked, b: Value): Value {
  const { batch, blocks, pixels, spatial } = extentOf(a);
  const channels = blocks * a.block;
  const window = { kernel: spatial, strides: [1, 1], dilations: [1, 1], padsBegin: [0, 0], padsEnd: [0, 0] };
  const [image, kernel] = [g.reshape(a.value, [1, batch * channels, ...spatial]), g.reshape(b, [batch * channels, 1, ...spatial])];
  const dots = g.blockedConv(image, kernel, window, { group: batch * channels });
  return g.mul(g.reduceMean(g.reshape(dots, [batch, channels]), { axes: [0] }), 1 / pixels);
}

/** Mean over the pixels: [N, C]. */
export function globalAverage(g: GraphBuilder, x: Blocked): Value {
  const { batch, blocks, pixels } = extentOf(x);
  const [value] = composite(g, [x.value], () => {
    return {
      outputs: [cutTo(g, imageMeans(g, x), [batch, x.channels])],
      rule: ([dy]) => {
        const rows = g.reshape(filledUp(g, g.mul(dy as Value, 1 / pixels), [batch, blocks * x.block]), [batch * blocks, x.block]);
        return [
          g.reshape(
            pickRows(g, rows, [batch * blocks, pixels], ([plane = 0]) => plane),
            sizesOf(x.value),
          ),
        ];
      },
    };
  }) as [Value];
  return value;
}

/**
 * Rows of a matrix [count, width] picked by index: how every copy that unfolds, shifts or spreads out an image, or puts a weight in another
 * order, is made in one pass. An index of −1 picks zeros.
 *
 * @returns [...shape, width]
 */
export function pickRows(g: GraphBuilder, rows: Value, shape: readonly number[], indexOf: (position: readonly number[]) => number): Value {
  const [count, width] = sizesOf(rows) as [number, number];
  const indices = new Int32Array(elementCount(shape));
  const position = shape.map(() => 0);
  for (let element = 0; element < indices.length; element++) {
    indices[element] = indexOf(position);
    for (let axis = shape.length - 1; axis >= 0 && ++(position[axis] as number) === shape[axis]; axis--) position[axis] = 0;
  }
  if (indices.length === count && indices.every((index, place) => index === place)) return g.reshape(rows, [...shape, width]);
  const isWhole = indices.every((index) => index >= 0);
  const known = isWhole ? rows : g.pad(rows, [0, 0, 1, 0]);
  return g.gather(known, indexList(g, isWhole ? indices : indices.map((index) => (index < 0 ? count : index)), shape), 0);
}

const indexLists = new WeakMap<GraphBuilder, Map<string, { readonly indices: Int32Array; readonly value: Value }[]>>();

/** A list of indices; layers of one shape share theirs. */
function indexList(g: GraphBuilder, indices: Int32Array, shape: readonly number[]): Value {
  const known: NonNullable<ReturnType<typeof indexLists.get>> = indexLists.get(g) ?? new Map();
  indexLists.set(g, known);
  const alike = known.get(shape.join()) ?? [];
  known.set(shape.join(), alike);
  const found = alike.find((list) => list.indices.every((index, place) => index === indices[place]));
  if (found) return found.value;
  const value = g.initializer("rows", int32(indices, shape));
  alike.push({ indices, value });
  return value;
}

/** The pixels of each block of channels as rows: [batch · blocks · pixels, block]. */
export function pixelRows(g: GraphBuilder, { value, block }: Blocked): Value {
  return g.reshape(value, [elementCount(sizesOf(value)) / block, block]);
}
