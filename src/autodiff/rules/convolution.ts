import { intAttribute } from "../../graph/attributes.ts";
import type { GraphBuilder } from "../../graph/builder/builder.ts";
import type { Value } from "../../graph/graph.ts";
import { transposedWindowOf } from "../../graph/shapes/convolution.ts";
import { type Window, windowOf } from "../../graph/shapes/window.ts";
import { elementCount } from "../../graph/tensor.ts";
import { constantInput, type GradientRule, type GradientRules, sizesOf } from "../rule.ts";
import { channelSum } from "./channels.ts";

/** A convolution's window and groups: how it maps [N, C, ...] to [N, M, ...] with a weight [M, C/group, ...kernel]. */
export interface Convolution {
  readonly window: Window;
  readonly group: number;
}

/** y = w∗x + b  =>  dx = wᵀ∗dy, dw = Σ over batch and pixels of dy·(the x under each tap), db = Σ dy */
const conv: GradientRule = ({ g, node, inputs, grads }) => {
  const [x, w, bias] = inputs as [Value, Value, Value | undefined];
  const dy = grads[0] as Value;
  const convolution = { window: windowOf(node, sizesOf(w).slice(2), sizesOf(x).slice(2)), group: intAttribute(node, "group", 1) };
  return [inputGradient(g, dy, w, sizesOf(x).slice(2), convolution), weightGradient(g, x, dy, convolution), bias && channelSum(g, dy)];
};

/** y = wᵀ∗x + b: the convolution that maps y to x, with input and gradient changing places. */
const convTranspose: GradientRule = ({ g, node, inputs, grads }) => {
  const [x, w, bias] = inputs as [Value, Value, Value | undefined];
  const dy = grads[0] as Value;
  const convolution = { window: transposedWindowOf(node, sizesOf(w).slice(2), sizesOf(x).slice(2)), group: intAttribute(node, "group", 1) };
  const dx = g.convWindow(dy, w, undefined, convolution.window, convolution.group);
  return [dx, weightGradient(g, dy, x, convolution), bias && channelSum(g, dy)];
};

/**
 * The gradient of a convolution to its input of the given spatial sizes.
 *
 * With stride 1 it is a convolution with the rotated kernel, otherwise ConvTranspose: measured on ONNX Runtime 1.30's CPU at 64
 * channels, 32×32, batch 64, the one takes 43 ms against 67 (13 against 31 depthwise), and with stride 2 the other 34 ms against 150
 * for a convolution over zeros in between (13 against 38 depthwise).
 */
export function inputGradient(g: GraphBuilder, dy: Value, w: Value, spatial: readonly number[], { window, group }: Convolution): Value {
  const { kernel, strides, dilations, padsBegin, padsEnd } = window;
  const reach = kernel.map((size, axis) => (dilations[axis] as number) * (size - 1));
  const begin = reach.map((size, axis) => size - (padsBegin[axis] as number));
  const end = reach.map((size, axis) => size - (padsEnd[axis] as number));
  if (strides.every((stride) => stride === 1) && [...begin, ...end].every((pad) => pad >= 0)) {
    return g.convWindow(dy, rotated(g, w, group), undefined, { ...window, padsBegin: begin, padsEnd: end }, group);
  }
  // What the last window left over of the input, or (in ceil mode) how far it went beyond.
  const left = sizesOf(dy)
    .slice(2)
    .map((size, axis) => {
      const covered = (size - 1) * (strides[axis] as number) + (reach[axis] as number) + 1;
      return (spatial[axis] as number) + (padsBegin[axis] as number) + (padsEnd[axis] as number) - covered;
    });
  const cut = padsEnd.map((pad, axis) => pad - Math.min(0, left[axis] as number));
  return g.convTranspose(dy, w, { ...window, padsEnd: cut }, { group, outputPadding: left.map((size) => Math.max(0, size)) });
}

/** The weight [M, C/group, ...kernel] as that of the way back, [C, M/group, ...kernel], with every spatial axis reversed. */
function rotated(g: GraphBuilder, w: Value, group: number): Value {
  const [filters, perGroup, ...kernel] = sizesOf(w) as [number, number, ...number[]];
  const ranges = kernel.flatMap((size, axis) => (size === 1 ? [] : [{ axis: axis + 2, start: size - 1, end: -size - 1, step: -1 }]));
  const reversed = ranges.length === 0 ? w : g.slice(w, ranges);
  const split = g.reshape(reversed, [group, filters / group, perGroup, ...kernel]);
  return g.reshape(g.transpose(split, [0, 2, 1, ...kernel.map((_, axis) => axis + 3)]), [group * perGroup, filters / group, ...kernel]);
}

/**
 * The gradient of a convolution to its weight, [M, C/group, ...kernel], from its input x and the gradient dy to its output.
 *
 * A tap's gradient is the product of dy with the part of x that the tap met. Taps along the unfolded axes are laid side by side, so that
 * one product serves them all; taps along the other axes get a product each.
 */
export function weightGradient(g: GraphBuilder, x: Value, dy: Value, { window, group }: Convolution): Value {
  const { kernel, padsBegin, padsEnd } = window;
  const [batch, channels] = sizesOf(x) as [number, number];
  const [, filters, ...pixels] = sizesOf(dy) as [number, number, ...number[]];
  const [perGroup, count] = [channels / group, elementCount(pixels)];
  const first = firstUnfoldedAxis(perGroup, group, kernel, count);
  const padded = g.pad(x, [0, 0, ...padsBegin, 0, 0, ...padsEnd]);
  const inner = tapsOf(kernel.slice(first)).map((taps) => {
    const part = metBy(g, padded, taps, first, window, pixels);
    return g.reshape(part, [batch, group, perGroup, ...sizesOf(part).slice(2)]);
  });
  const unfolded = g.concat(inner, 2);
  const flat = g.reshape(dy, [batch, group, filters / group, count]);
  const products = tapsOf(kernel.slice(0, first)).map((taps) => {
    const part = metBy(g, unfolded, taps, 0, window, pixels);
    return g.reduceSum(g.matMul(flat, g.reshape(part, [batch, group, inner.length * perGroup, count]), { transposeB: true }), {
      axes: [0],
    });
  });
  const tapsLast = g.transpose(g.reshape(g.concat(products, 2), [filters, elementCount(kernel), perGroup]), [0, 2, 1]);
  return g.reshape(tapsLast, [filters, perGroup, ...kernel]);
}

/**
 * Which axes to unfold: this one and those after it. Unfolding saves products and copies the input once per tap.
 *
 * Measured on ONNX Runtime 1.30's CPU, two threads, batch 64, 3×3 kernels unless said (ms):
 *
 * | C → M, image | every axis | last axis | none |
 * | --- | --- | --- | --- |
 * | 3 → 32, 32×32 | 2.7 | 8.0 | 16 |
 * | 1 → 32, 28×28, 5×5 | 5.7 | 8.7 | 31 |
 * | 64 → 64, 32×32 | 64 | 63, in a third of the memory | 65-73 |
 * | 256 → 256, 8×8 | 59 | 47 | 63 |
 * | 64 → 64, 32×32, 4 groups | 112 | 104 | 59 |
 * | 64 → 64, 32×32, depthwise | 39 | 36 | 31 |
 * | 128 → 128, 8×8, 5×5, depthwise | 35 | 43 | 102 |
 */
function firstUnfoldedAxis(perGroup: number, group: number, kernel: readonly number[], pixels: number): number {
  if (group === 1) return perGroup * elementCount(kernel) <= 128 ? 0 : kernel.length - 1;
  return pixels <= 64 ? 0 : kernel.length;
}

/**
 * The part of x that one tap met: along the spatial axes from `first` on (the last axes of x are spatial), every stride-th element after
 * the tap's offset.
 */
function metBy(g: GraphBuilder, x: Value, taps: readonly number[], first: number, window: Window, pixels: readonly number[]): Value {
  const offset = x.shape.length - pixels.length;
  const ranges = taps.flatMap((tap, index) => {
    const axis = first + index;
    const step = window.strides[axis] as number;
    const start = tap * (window.dilations[axis] as number);
    const end = start + step * ((pixels[axis] as number) - 1) + 1;
    return start === 0 && end === x.shape[axis + offset] && step === 1 ? [] : [{ axis: axis + offset, start, end, step }];
  });
  return ranges.length === 0 ? x : g.slice(x, ranges);
}

/** Every tap of a kernel as its index along each axis, the last axis fastest; the one empty tap for no axes. */
function tapsOf(kernel: readonly number[]): number[][] {
  return kernel.reduce<number[][]>(
    (taps, size) => taps.flatMap((tap) => Array.from({ length: size }, (_, index) => [...tap, index])),
    [[]],
  );
}

/** Patches x [N, C·taps, L] were added up to an image: each gets back what lies under it. */
const col2Im: GradientRule = (context) => {
  const { g, node, inputs, grads } = context;
  const [image, kernel] = [constantInput(context, 1), constantInput(context, 2)] as [readonly number[], readonly number[]];
  const window = windowOf(node, kernel, image);
  const { strides, dilations, padsBegin, padsEnd } = window;
  const pixels = image.map((size, axis) => {
    const room =
      size + (padsBegin[axis] as number) + (padsEnd[axis] as number) - (dilations[axis] as number) * ((kernel[axis] as number) - 1) - 1;
    return Math.floor(room / (strides[axis] as number)) + 1;
  });
  const [batch, rows, count] = sizesOf(inputs[0] as Value) as [number, number, number];
  const channels = rows / elementCount(kernel);
  const padded = g.pad(grads[0] as Value, [0, 0, ...padsBegin, 0, 0, ...padsEnd]);
  const patches = tapsOf(kernel).map((taps) => g.reshape(metBy(g, padded, taps, 0, window, pixels), [batch, channels, 1, count]));
  return [g.reshape(g.concat(patches, 2), [batch, rows, count])];
};

export const convolutionRules: GradientRules = { Conv: conv, ConvTranspose: convTranspose, Col2Im: col2Im };
