import type { GraphBuilder } from "../../graph/builder/builder.ts";
import type { Value } from "../../graph/graph.ts";
import type { Window } from "../../graph/shapes/window.ts";
import { composite } from "../composite.ts";
import { sizesOf } from "../rule.ts";
import { type Blocked, channelSums, cutTo, filledUp, wholeBlocks } from "./layout.ts";
import { blockedInputGradient, blockedWeightGradient, depthwiseWeightGradient, plainInputGradients } from "./convolution-gradients.ts";

/** A convolution over two spatial axes, of all channels with all (group 1) or of each with itself (group C). */
export interface BlockedConvolution {
  /** [M, C/group, ...kernel] */
  readonly w: Value;
  /** [M] */
  readonly bias?: Value;
  readonly window: Window;
  readonly isDepthwise: boolean;
}

/** Cross-correlation of a blocked image; w and bias are as in ONNX's Conv. */
export function blockedConvolution(g: GraphBuilder, x: Blocked, convolution: BlockedConvolution): Blocked {
  const { w, bias, window, isDepthwise } = convolution;
  const filters = sizesOf(w)[0] as number;
  const [value] = composite(g, [x.value, w, bias], () => ({
    outputs: [
      g.blockedConv(x.value, isDepthwise ? depthwiseWeight(g, w, x.block) : blockedWeight(g, w, x.block), window, {
        group: isDepthwise ? wholeBlocks(x.channels, x.block) : 1,
        bias: bias && filledUp(g, bias, [wholeBlocks(filters, x.block)]),
      }),
    ],
    rule: ([grad]) => {
      const dy = { value: grad as Value, channels: filters, block: x.block };
      const dw = isDepthwise ? depthwiseWeightGradient(g, x, dy, window) : blockedWeightGradient(g, x, dy, window);
      return [blockedInputGradient(g, dy, x, convolution), dw, bias && cutTo(g, channelSums(g, dy), [filters])];
    },
  })) as [Value];
  return { value, channels: filters, block: x.block };
}

/** The same of a plain x [N, C, H, W] with fewer channels than a block: the first convolution of most networks. */
export function firstConvolution(g: GraphBuilder, x: Value, block: number, { w, bias, window }: BlockedConvolution): Blocked {
  const filters = sizesOf(w)[0] as number;
  const filled = wholeBlocks(filters, block);
  const [value] = composite(g, [x, w, bias], () => ({
    outputs: [g.blockedConv(x, firstWeight(g, w, block), window, { bias: bias && filledUp(g, bias, [filled]) })],
    rule: ([grad]) => {
      const dy = { value: grad as Value, channels: filters, block };
      const plain = g.reorderOutput(dy.value, filters);
      return [...plainInputGradients(g, x, w, plain, window), bias && cutTo(g, channelSums(g, dy), [filters])];
    },
  })) as [Value];
  return { value, channels: filters, block };
}

/** [M, C, ...kernel] in the order [M/block, C/block, ...kernel, block of C, block of M]. */
export function blockedWeight(g: GraphBuilder, w: Value, block: number): Value {
  const [filters, channels, ...kernel] = sizesOf(w) as [number, number, number, number];
  const [m, c] = [wholeBlocks(filters, block), wholeBlocks(channels, block)];
  const split = g.reshape(filledUp(g, w, [m, c, ...kernel]), [m / block, block, c / block, block, ...kernel]);
  return g.reshape(g.transpose(split, [0, 2, 4, 5, 3, 1]), [m, c, ...kernel]);
}

/** [M, C, ...kernel] in the order [M/block, C, ...kernel, block of M]. */
function firstWeight(g: GraphBuilder, w: Value, block: number): Value {
  const [filters, channels, ...kernel] = sizesOf(w) as [number, number, number, number];
  const m = wholeBlocks(filters, block);
  const split = g.reshape(filledUp(g, w, [m, channels, ...kernel]), [m / block, block, channels, ...kernel]);
  return g.reshape(g.transpose(split, [0, 2, 3, 4, 1]), [m, channels, ...kernel]);
}

/** [C, 1, ...kernel] in the order [C/block, ...kernel, block]. */
export function depthwiseWeight(g: GraphBuilder, w: Value, block: number): Value {
  const [filters, , ...kernel] = sizesOf(w) as [number, number, number, number];
  const m = wholeBlocks(filters, block);
  const split = g.reshape(filledUp(g, w, [m, 1, ...kernel]), [m / block, block, ...kernel]);
  return g.reshape(g.transpose(split, [0, 2, 3, 1]), [m, 1, ...kernel]);
}

