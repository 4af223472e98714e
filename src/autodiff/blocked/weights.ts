import type { GraphBuilder } from "../../graph/builder/builder.ts";
import type { Value } from "../../graph/graph.ts";
import { elementCount } from "../../graph/tensor.ts";
import { sizesOf } from "../rule.ts";
import { cutTo, filledUp, pickRows, wholeBlocks } from "./layout.ts";

/*
 * Weights in the orders of the blocked convolutions. ONNX Runtime's Transpose is fast for matrices only (a tenth of the time per element that
 * other orders take), and picking whole rows is as fast: every order is made of these two.
 */

/** A weight [M, C, ...kernel] as [C · taps, M], both filled up to whole blocks: what its other orders are made from. */
export interface Columns {
  readonly value: Value;
  readonly filters: number;
  readonly channels: number;
  readonly kernel: readonly number[];
  readonly block: number;
}

/** @param fillChannels Whether the input has whole blocks of channels, too. */
export function columnsOf(g: GraphBuilder, w: Value, block: number, fillChannels = true): Columns {
  const [m, c, ...kernel] = sizesOf(w) as [number, number, number, number];
  const [filters, channels] = [wholeBlocks(m, block), fillChannels ? wholeBlocks(c, block) : c];
  const filled = filledUp(g, w, [filters, channels, ...kernel]);
  return { value: g.transpose(g.reshape(filled, [filters, channels * elementCount(kernel)]), [1, 0]), filters, channels, kernel, block };
}

/** [M/block, C/block, ...kernel, block of C, block of M], for convolutions of blocked images. */
export function blockedWeight(g: GraphBuilder, { value, filters, channels, kernel, block }: Columns): Value {
  const [m, c, taps] = [filters / block, channels / block, elementCount(kernel)];
  const rows = g.reshape(value, [channels * taps * m, block]);
  const picked = pickRows(g, rows, [m, c, taps, block], ([toBlock = 0, fromBlock = 0, tap = 0, channel = 0]) => {
    return ((fromBlock * block + channel) * taps + tap) * m + toBlock;
  });
  return g.reshape(picked, [filters, channels, ...kernel]);
}

/** [M/block, C, ...kernel, block of M], for convolutions of plain images with few channels. */
export function firstWeight(g: GraphBuilder, { value, filters, channels, kernel, block }: Columns): Value {
  const [m, inputs] = [filters / block, channels * elementCount(kernel)];
  const rows = g.reshape(value, [inputs * m, block]);
  const picked = pickRows(g, rows, [m, inputs], ([toBlock = 0, input = 0]) => input * m + toBlock);
  return g.reshape(picked, [filters, channels, ...kernel]);
}

/**
 * The weight of the way back, for a blocked convolution from M to C channels: [C/block, M/block, taps, block of M, block of C].
 *
 * @param taps Indices of the kernel's elements in the order in which they are wanted: reversed, or some of them.
 * @param kernel The shape that they have.
 */
export function turnedWeight(
  g: GraphBuilder,
  { value, filters, channels, block, kernel: whole }: Columns,
  taps: readonly number[],
  kernel: readonly number[],
): Value {
  const [m, c, count] = [filters / block, channels / block, elementCount(whole)];
  const byTap = g.transpose(g.reshape(value, [channels, count * filters]), [1, 0]);
  const rows = g.reshape(byTap, [count * filters * c, block]);
  const picked = pickRows(g, rows, [c, m, taps.length, block], ([toBlock = 0, fromBlock = 0, tap = 0, filter = 0]) => {
    return ((taps[tap] as number) * filters + fromBlock * block + filter) * c + toBlock;
  });
  return g.reshape(picked, [channels, filters, ...kernel]);
}

/** A depthwise weight [C, 1, ...kernel] in the order [C/block, taps, block]; `taps` as in `turnedWeight`, all in order unless given. */
export function depthwiseWeight(
  g: GraphBuilder,
  w: Value,
  block: number,
  taps?: readonly number[],
  kernel: readonly number[] = sizesOf(w).slice(2),
): Value {
  const [channels, , ...whole] = sizesOf(w) as [number, number, number, number];
  const [filled, count] = [wholeBlocks(channels, block), elementCount(whole)];
  const columns = g.transpose(filledUp(g, g.reshape(w, [channels, count]), [filled, count]), [1, 0]);
  const rows = g.reshape(columns, [(count * filled) / block, block]);
  const wanted = taps ?? Array.from({ length: count }, (_, tap) => tap);
  const picked = pickRows(g, rows, [filled / block, wanted.length], ([at = 0, tap = 0]) => ((wanted[tap] as number) * filled) / block + at);
  return g.reshape(picked, [filled, 1, ...kernel]);
}

/** A gradient [taps before, C, taps after, M], where the taps after come first in the kernel, as that of the weight [m, c, ...kernel]. */
export function weightFrom(g: GraphBuilder, gradient: Value, [m, c, ...kernel]: readonly [number, number, number, number]): Value {
  const [before, channels, after, filters] = sizesOf(gradient) as [number, number, number, number];
  const rows = g.reshape(gradient, [before * channels * after, filters]);
  const ordered = pickRows(g, rows, [channels, after, before], ([channel = 0, late = 0, early = 0]) => {
    return (early * channels + channel) * after + late;
  });
  const columns = g.transpose(g.reshape(ordered, [channels * after * before, filters]), [1, 0]);
  return cutTo(g, g.reshape(columns, [filters, channels, ...kernel]), [m, c, ...kernel]);
}
