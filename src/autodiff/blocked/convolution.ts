import type { GraphBuilder } from "../../graph/builder/builder.ts";
import type { Value } from "../../graph/graph.ts";
import type { Window } from "../../graph/shapes/window.ts";
import { composite } from "../composite.ts";
import { sizesOf } from "../rule.ts";
import { inputGradient } from "../rules/convolution.ts";
import { blockedInputGradient } from "./input-gradient.ts";
import { type Blocked, channelSums, extentOf, filledUp, wholeBlocks } from "./layout.ts";
import { blockedWeightGradient, depthwiseWeightGradient, firstWeightGradient } from "./weight-gradient.ts";
import { blockedWeight, columnsOf, depthwiseWeight, firstWeight, turnedWeight } from "./weights.ts";

/** A convolution over two spatial axes, of all channels with all (group 1) or of each with itself (group C). */
export interface BlockedConvolution {
  /** [M, C/group, ...kernel] */
  readonly w: Value;
  /** [M] */
  readonly bias?: Value;
  readonly window: Window;
}

/** Cross-correlation of a blocked image; w and bias are as in ONNX's Conv with group 1. */
export function blockedConvolution(g: GraphBuilder, x: Blocked, { w, bias, window }: BlockedConvolution): Blocked {
  const filters = sizesOf(w)[0] as number;
  const [value] = composite(g, [x.value, w, bias], () => {
    const columns = columnsOf(g, w, x.block);
    const y = g.blockedConv(x.value, blockedWeight(g, columns), window, { bias: bias && filledUp(g, bias, [columns.filters]) });
    return {
      outputs: [y],
      rule: ([grad]) => {
        const dy = { value: grad as Value, channels: filters, block: x.block };
        const dx = blockedInputGradient(g, dy, extentOf(x).spatial, window, {
          weight: (taps, kernel) => turnedWeight(g, columns, taps, kernel),
          group: 1,
        });
        return [dx, blockedWeightGradient(g, x, dy, window), bias && channelSums(g, dy)];
      },
    };
  }) as [Value];
  return { value, channels: filters, block: x.block };
}

/** The same with a kernel for each channel, w [C, 1, ...kernel]. */
export function depthwiseConvolution(g: GraphBuilder, x: Blocked, { w, bias, window }: BlockedConvolution): Blocked {
  const group = wholeBlocks(x.channels, x.block);
  const [value] = composite(g, [x.value, w, bias], () => ({
    outputs: [g.blockedConv(x.value, depthwiseWeight(g, w, x.block), window, { group, bias: bias && filledUp(g, bias, [group]) })],
    rule: ([grad]) => {
      const dy = { ...x, value: grad as Value };
      const dx = blockedInputGradient(g, dy, extentOf(x).spatial, window, {
        weight: (taps, kernel) => depthwiseWeight(g, w, x.block, taps, kernel),
        group,
      });
      return [dx, depthwiseWeightGradient(g, x, dy, window), bias && channelSums(g, dy)];
    },
  })) as [Value];
  return { ...x, value };
}

/** The same with group 1, of a plain x [N, C, H, W] with fewer channels than a block: the first convolution of most networks. */
export function firstConvolution(g: GraphBuilder, x: Value, block: number, { w, bias, window }: BlockedConvolution): Blocked {
  const filters = sizesOf(w)[0] as number;
  const [value] = composite(g, [x, w, bias], () => {
    const columns = columnsOf(g, w, block, false);
    return {
      outputs: [g.blockedConv(x, firstWeight(g, columns), window, { bias: bias && filledUp(g, bias, [columns.filters]) })],
      rule: ([grad]) => {
        const dy = { value: grad as Value, channels: filters, block };
        const dx = inputGradient(g, g.reorderOutput(dy.value, filters), w, sizesOf(x).slice(2), { window, group: 1 });
        return [dx, firstWeightGradient(g, x, dy, window), bias && channelSums(g, dy)];
      },
    };
  }) as [Value];
  return { value, channels: filters, block };
}
