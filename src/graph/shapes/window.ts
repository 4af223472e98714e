import { LimbeckError } from "../../errors.ts";
import { intsAttribute, stringAttribute } from "../attributes.ts";
import { type Dim, describeNode, type Node, type Shape } from "../graph.ts";
import { invalid, type ShapeContext } from "./rule.ts";
import { add, ceilDivide, floorDivide, smallest } from "./symbolic.ts";

/** How a convolution or pooling window moves over the spatial axes; every list has one entry per axis. */
export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padsBegin: readonly number[];
  readonly padsEnd: readonly number[];
}

/**
 * Reads a node's window. `auto_pad` is resolved against the input's spatial sizes; where it needs one that is symbolic, the pads are NaN.
 *
 * @throws LimbeckError when an attribute does not fit the number of spatial axes.
 */
export function windowOf(node: Node, kernel: readonly number[], spatial: Shape): Window {
  const moved = movementOf(node, kernel);
  const auto = stringAttribute(node, "auto_pad", "NOTSET");
  if (auto !== "SAME_UPPER" && auto !== "SAME_LOWER") return moved;
  const totals = kernel.map((_, axis) => {
    const [input, stride, reach] = [Number(spatial[axis]), moved.strides[axis] as number, reachOf(moved, axis)];
    return stride === 1 ? reach - 1 : Math.max(0, (Math.ceil(input / stride) - 1) * stride + reach - input);
  });
  return { ...moved, ...shared(totals, auto) };
}

/** The window with its pads as written; none where `auto_pad` says something else. */
export function movementOf(node: Node, kernel: readonly number[]): Window {
  const rank = kernel.length;
  const strides = intsAttribute(node, "strides") ?? kernel.map(() => 1);
  const dilations = intsAttribute(node, "dilations") ?? kernel.map(() => 1);
  const pads = intsAttribute(node, "pads") ?? new Array<number>(2 * rank).fill(0);
  const isCount = (size: number) => Number.isSafeInteger(size) && size >= 1;
  if (
    strides.length !== rank ||
    dilations.length !== rank ||
    pads.length !== 2 * rank ||
    ![...strides, ...dilations].every(isCount) ||
    !pads.every(Number.isSafeInteger)
  ) {
    throw new LimbeckError(`The strides, dilations and pads must have one entry (pads: two) for each of ${rank} spatial axes.`, {
      where: describeNode(node),
    });
  }
  if (!kernel.every(isCount)) throw new LimbeckError(`[${kernel.join(", ")}] is no kernel size.`, { where: describeNode(node) });
  const given = stringAttribute(node, "auto_pad", "NOTSET") === "NOTSET" ? pads : new Array<number>(2 * rank).fill(0);
  return { kernel, strides, dilations, padsBegin: given.slice(0, rank), padsEnd: given.slice(rank) };
}

/** From the first to the last element that the kernel covers along an axis. */
export const reachOf = ({ kernel, dilations }: Window, axis: number): number =>
  (dilations[axis] as number) * ((kernel[axis] as number) - 1) + 1;

/** Pads of given totals, an odd one with its larger half where `auto_pad` says: at the end for SAME_UPPER, at the beginning otherwise. */
export function shared(totals: readonly number[], auto: string): Pick<Window, "padsBegin" | "padsEnd"> {
  const round = auto === "SAME_UPPER" ? Math.floor : Math.ceil;
  const padsBegin = totals.map((total) => round(total / 2));
  return { padsBegin, padsEnd: totals.map((total, axis) => total - (padsBegin[axis] as number)) };
}

/** Spatial sizes after the window has passed; of a symbolic size an expression. */
export function slidOver(context: ShapeContext, spatial: Shape, window: Window, ceil: boolean): Dim[] {
  return spatial.map((size, axis) => {
    const [stride, begin, end] = [window.strides[axis], window.padsBegin[axis], window.padsEnd[axis]] as [number, number, number];
    // `auto_pad` gives as many positions as strides begin in the input.
    if (Number.isNaN(begin)) return ceilDivide(size, stride);
    const room = add(size, begin + end - reachOf(window, axis));
    // In ceil mode a window may reach beyond the end; one that would start in the end padding does not count (as in PyTorch and ONNX).
    const positions = ceil
      ? smallest(add(ceilDivide(room, stride), 1), ceilDivide(add(size, begin), stride))
      : add(floorDivide(room, stride), 1);
    if (typeof positions === "number" && positions < 1)
      throw invalid(context, `the window is larger than the padded input along spatial axis ${axis}`);
    return positions;
  });
}
