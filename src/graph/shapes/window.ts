import { LimbeckError } from "../../errors.ts";
import { intAttribute, intsAttribute, stringAttribute } from "../attributes.ts";
import { type Dim, describeNode, type Node, type Shape } from "../graph.ts";
import { invalid, required, type ShapeContext, type ShapeRule } from "./rule.ts";

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
  const rank = kernel.length;
  const strides = intsAttribute(node, "strides") ?? kernel.map(() => 1);
  const dilations = intsAttribute(node, "dilations") ?? kernel.map(() => 1);
  const pads = intsAttribute(node, "pads") ?? new Array<number>(2 * rank).fill(0);
  if (
    strides.length !== rank ||
    dilations.length !== rank ||
    pads.length !== 2 * rank ||
    [...strides, ...dilations].some((size) => size < 1)
  ) {
    throw new LimbeckError(`The strides, dilations and pads must have one entry (pads: two) for each of ${rank} spatial axes.`, {
      where: describeNode(node),
    });
  }
  const auto = stringAttribute(node, "auto_pad", "NOTSET");
  if (auto === "SAME_UPPER" || auto === "SAME_LOWER") {
    const totals = kernel.map((size, axis) => {
      const [input, stride, dilation] = [Number(spatial[axis]), strides[axis] as number, dilations[axis] as number];
      const reach = dilation * (size - 1) + 1;
      return stride === 1 ? reach - 1 : Math.max(0, (Math.ceil(input / stride) - 1) * stride + reach - input);
    });
    const round = auto === "SAME_UPPER" ? Math.floor : Math.ceil;
    const padsBegin = totals.map((total) => round(total / 2));
    return { kernel, strides, dilations, padsBegin, padsEnd: totals.map((total, axis) => total - (padsBegin[axis] as number)) };
  }
  const given = auto === "VALID" ? new Array<number>(2 * rank).fill(0) : pads;
  return { kernel, strides, dilations, padsBegin: given.slice(0, rank), padsEnd: given.slice(rank) };
}

/** Spatial sizes after the window has passed; a symbolic size stays symbolic. */
export function slidOver(context: ShapeContext, spatial: Shape, window: Window, ceil: boolean): Dim[] {
  return spatial.map((size, axis) => {
    const [kernel, stride, dilation] = [window.kernel[axis], window.strides[axis], window.dilations[axis]] as [number, number, number];
    const padded = (window.padsBegin[axis] as number) + (window.padsEnd[axis] as number);
    if (typeof size === "string") {
      const shrink = dilation * (kernel - 1) + 1 - padded;
      if (Number.isNaN(shrink)) return `ceil(${size}/${stride})`;
      return stride === 1 && shrink === 1 ? size : `${ceil ? "ceil" : "floor"}((${size}-${shrink})/${stride})+1`;
    }
    const room = size + padded - dilation * (kernel - 1) - 1;
    if (room < 0) throw invalid(context, `the window is larger than the padded input along spatial axis ${axis}`);
    const steps = ceil ? Math.ceil(room / stride) : Math.floor(room / stride);
    // A window that would start in the end padding does not count (as in PyTorch and ONNX).
    return ceil && steps * stride >= size + (window.padsBegin[axis] as number) ? steps : steps + 1;
  });
}

const conv: ShapeRule = (context) => {
  const [x, w] = [required(context, 0), required(context, 1)];
  const group = intAttribute(context.node, "group", 1);
  const [batch, channels, ...spatial] = x.shape;
  const [filters, perGroup, ...kernel] = w.shape;
  if (x.shape.length < 3 || x.shape.length !== w.shape.length)
    throw invalid(context, "input and weight must have the same rank, 3 or more");
  if (typeof channels === "number" && channels !== Number(perGroup) * group) {
    throw invalid(context, `${channels} input channels do not fit a weight of ${perGroup} channels × ${group} groups`);
  }
  if (Number(filters) % group !== 0) throw invalid(context, `${filters} filters do not divide into ${group} groups`);
  const bias = context.inputs[2];
  if (bias && (bias.shape.length !== 1 || bias.shape[0] !== filters)) throw invalid(context, `the bias must have ${filters} elements`);
  const window = windowOf(context.node, kernel.map(Number), spatial);
  return [{ type: x.type, shape: [batch as Dim, filters as Dim, ...slidOver(context, spatial, window, false)] }];
};

const convTranspose: ShapeRule = (context) => {
  const [x, w] = [required(context, 0), required(context, 1)];
  const [batch, channels, ...spatial] = x.shape;
  const [inputChannels, perGroup, ...kernel] = w.shape;
  if (channels !== inputChannels) throw invalid(context, `${channels} input channels do not fit a weight for ${inputChannels}`);
  if (context.node.attributes.output_shape || stringAttribute(context.node, "auto_pad", "NOTSET") !== "NOTSET") {
    throw invalid(context, "its padding must be given by pads, not by output_shape or auto_pad");
  }
  const window = windowOf(context.node, kernel.map(Number), spatial);
  const extra = intsAttribute(context.node, "output_padding") ?? kernel.map(() => 0);
  const sizes = spatial.map((size, axis) => {
    if (typeof size === "string") return `${size}_transposed_${axis}`;
    const reach = (window.dilations[axis] as number) * ((window.kernel[axis] as number) - 1) + 1;
    const cut = (window.padsBegin[axis] as number) + (window.padsEnd[axis] as number);
    return (size - 1) * (window.strides[axis] as number) + reach + (extra[axis] as number) - cut;
  });
  return [{ type: x.type, shape: [batch as Dim, Number(perGroup) * intAttribute(context.node, "group", 1), ...sizes] }];
};

const pool: ShapeRule = (context) => {
  const x = required(context, 0);
  const kernel = intsAttribute(context.node, "kernel_shape");
  const [batch, channels, ...spatial] = x.shape;
  if (!kernel || kernel.length !== spatial.length) throw invalid(context, "kernel_shape must have one entry per spatial axis");
  const window = windowOf(context.node, kernel, spatial);
  const shape = [batch as Dim, channels as Dim, ...slidOver(context, spatial, window, intAttribute(context.node, "ceil_mode", 0) === 1)];
  return [
    { type: x.type, shape },
    { type: "int64", shape },
  ];
};

const globalPool: ShapeRule = (context) => {
  const x = required(context, 0);
  if (x.shape.length < 3) throw invalid(context, "it pools over spatial axes, so the rank must be 3 or more");
  return [{ type: x.type, shape: x.shape.map((size, axis) => (axis < 2 ? size : 1)) }];
};

export const windowShapes: Readonly<Record<string, ShapeRule>> = {
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: pool,
  AveragePool: pool,
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
};
