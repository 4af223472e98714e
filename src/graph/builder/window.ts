import { int, ints } from "../attributes.ts";
import type { Value } from "../graph.ts";
import type { Window } from "../shapes/window.ts";
import { only } from "./elementwise.ts";
import type { Emitter } from "./emitter.ts";

/** A window as a layer is written: numbers apply to every spatial axis. */
export interface WindowOptions {
  readonly stride?: number | readonly number[];
  readonly dilation?: number | readonly number[];
  /** Zero padding at both ends of each spatial axis. */
  readonly padding?: number | readonly number[];
}

/** Convolutions and pooling over the spatial axes of [N, C, ...]. */
export function windowOperators(emitter: Emitter) {
  const attributesOf = (window: Window) => ({
    kernel_shape: ints(window.kernel),
    strides: ints(window.strides),
    dilations: ints(window.dilations),
    pads: ints([...window.padsBegin, ...window.padsEnd]),
  });
  const window = (kernel: readonly number[], options: WindowOptions): Window => {
    const perAxis = (size: number | readonly number[]) => (typeof size === "number" ? kernel.map(() => size) : size);
    const pads = perAxis(options.padding ?? 0);
    return { kernel, strides: perAxis(options.stride ?? 1), dilations: perAxis(options.dilation ?? 1), padsBegin: pads, padsEnd: pads };
  };
  const convWindow = (x: Value, w: Value, bias: Value | undefined, moved: Window, group = 1): Value =>
    only(emitter.emit("Conv", bias ? [x, w, bias] : [x, w], { attributes: { ...attributesOf(moved), group: int(group) } }));
  const pool =
    (op: string, extra = {}) =>
    (x: Value, kernel: readonly number[], options: WindowOptions = {}): Value =>
      only(emitter.emit(op, [x], { attributes: { ...attributesOf(window(kernel, options)), ...extra } }));
  return {
    /** Cross-correlation of x [N, C, ...] with w [M, C/group, ...kernel], plus bias [M]. */
    conv: (x: Value, w: Value, bias?: Value, options: WindowOptions & { group?: number } = {}): Value =>
      convWindow(x, w, bias, window(w.shape.slice(2).map(Number), options), options.group),
    /** `conv` with a window whose two ends may be padded differently. */
    convWindow,
    /** The transpose of `conv` as a linear map: x [N, M, ...], w [M, C/group, ...kernel]. */
    convTranspose: (x: Value, w: Value, moved: Window, options: { group?: number; outputPadding?: readonly number[] } = {}): Value => {
      const attributes = {
        ...attributesOf(moved),
        group: int(options.group ?? 1),
        output_padding: ints(options.outputPadding ?? moved.kernel.map(() => 0)),
      };
      return only(emitter.emit("ConvTranspose", [x, w], { attributes }));
    },
    maxPool: pool("MaxPool"),
    /** The mean over each window; padding does not count unless `count_include_pad` was asked for by the model. */
    averagePool: pool("AveragePool"),
    globalAveragePool: (x: Value): Value => only(emitter.emit("GlobalAveragePool", [x])),
  };
}
