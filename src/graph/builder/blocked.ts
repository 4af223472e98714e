import { floats, int, ints, string } from "../attributes.ts";
import { BLOCKED, type Value } from "../graph.ts";
import type { Window } from "../shapes/window.ts";
import { only } from "./elementwise.ts";
import type { Emitter } from "./emitter.ts";

/** What is done to a blocked convolution's outputs in the same pass. */
export type Activation = { readonly kind: "Relu" } | { readonly kind: "Clip"; readonly low: number; readonly high: number };

export interface BlockedConvOptions {
  readonly group?: number;
  /** [M] */
  readonly bias?: Value;
  /** Of the output's shape, added before the activation. */
  readonly sum?: Value;
  readonly activation?: Activation;
}

/**
 * ONNX Runtime's operators on the layout of its CPU kernels: [N, C, H, W] stored as [N, C/block, H, W, block], so that what one pixel
 * needs of `block` channels is one vector. They are part of every stock build for CPUs, where the runtime itself puts them around constant
 * weights; weights that change can be given in the order that they want.
 */
export function blockedOperators(emitter: Emitter) {
  return {
    /**
     * Cross-correlation of a blocked x with w [M, C/group, ...kernel], stored as [M/block, C/block, ...kernel, block of C, block of M]; with
     * one input channel per group as [M/block, ...kernel, block]. An x of fewer channels than a block isn't blocked, and w is then
     * [M/block, C, ...kernel, block].
     */
    blockedConv: (x: Value, w: Value, window: Window, { group = 1, bias, sum, activation }: BlockedConvOptions = {}): Value => {
      const attributes = {
        kernel_shape: ints(window.kernel),
        strides: ints(window.strides),
        dilations: ints(window.dilations),
        pads: ints([...window.padsBegin, ...window.padsEnd]),
        group: int(group),
        ...(activation && { activation: string(activation.kind) }),
        ...(activation?.kind === "Clip" && { activation_params: floats([activation.low, activation.high]) }),
      };
      return only(emitter.emit("Conv", sum ? [x, w, bias, sum] : bias ? [x, w, bias] : [x, w], { domain: BLOCKED, attributes }));
    },
    /** Mean over the pixels of a blocked x: [N, C, 1, 1], where either layout is the other. */
    blockedAverage: (x: Value): Value => only(emitter.emit("GlobalAveragePool", [x], { domain: BLOCKED })),
    /** Into the blocked layout. The channels must be whole blocks. */
    reorderInput: (x: Value): Value => only(emitter.emit("ReorderInput", [x], { domain: BLOCKED })),
    /** Out of the blocked layout, without the channels from `channels` on. */
    reorderOutput: (x: Value, channels: number): Value =>
      only(emitter.emit("ReorderOutput", [x], { domain: BLOCKED, attributes: { channels: int(channels) } })),
  };
}
