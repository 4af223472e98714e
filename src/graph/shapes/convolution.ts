import { intAttribute, intsAttribute, stringAttribute } from "../attributes.ts";
import type { Dim, Node, Shape } from "../graph.ts";
import { quantizedForm } from "./quantization.ts";
import { invalid, required, type ShapeContext, type ShapeRule } from "./rule.ts";
import { add, multiply } from "./symbolic.ts";
import { movementOf, reachOf, shared, slidOver, type Window, windowOf } from "./window.ts";

function groupsOf(context: ShapeContext): number {
  const group = intAttribute(context.node, "group", 1);
  if (!Number.isSafeInteger(group) || group < 1) throw invalid(context, `${group} is no number of groups`);
  return group;
}

function kernelOf(context: ShapeContext, weight: Shape): readonly number[] {
  const kernel = weight.slice(2).map(Number);
  const stated = intsAttribute(context.node, "kernel_shape");
  if (!kernel.every(Number.isSafeInteger)) throw invalid(context, "the kernel size must be known");
  if (stated && stated.join() !== kernel.join()) throw invalid(context, `kernel_shape [${stated.join(", ")}] is not that of the weight`);
  return kernel;
}

function checkBias(context: ShapeContext, filters: Dim): void {
  const bias = context.inputs[2];
  if (bias && (bias.shape.length !== 1 || bias.shape[0] !== filters)) throw invalid(context, `the bias must have ${filters} elements`);
}

/** x [N, C, ...] and weight [M, C/group, ...kernel] => [N, M, ...]. */
const conv: ShapeRule = (context) => {
  const [x, w] = [required(context, 0), required(context, 1)];
  const group = groupsOf(context);
  if (x.shape.length < 3 || x.shape.length !== w.shape.length)
    throw invalid(context, "input and weight must have the same rank, 3 or more");
  const [batch, channels, ...spatial] = x.shape as [Dim, Dim, ...Dim[]];
  const [filters, perGroup] = w.shape as [Dim, Dim];
  if (typeof channels === "number" && typeof perGroup === "number" && channels !== perGroup * group) {
    throw invalid(context, `${channels} input channels do not fit a weight of ${perGroup} channels × ${group} groups`);
  }
  if (typeof filters === "number" && filters % group !== 0) throw invalid(context, `${filters} filters do not divide into ${group} groups`);
  if (x.type !== w.type) throw invalid(context, "the element types differ");
  checkBias(context, filters);
  const window = windowOf(context.node, kernelOf(context, w.shape), spatial);
  return [{ type: x.type, shape: [batch, filters, ...slidOver(context, spatial, window, false)] }];
};

/** The window of a ConvTranspose: that of the convolution whose transpose it is, with `auto_pad` and `output_shape` resolved. */
export function transposedWindowOf(
  node: Node,
  kernel: readonly number[],
  spatial: Shape,
): Window & { readonly outputPadding: readonly number[] } {
  const moved = movementOf(node, kernel);
  const auto = stringAttribute(node, "auto_pad", "NOTSET");
  const outputPadding = intsAttribute(node, "output_padding") ?? kernel.map(() => 0);
  const asked = intsAttribute(node, "output_shape")?.slice(-kernel.length);
  const isSame = auto === "SAME_UPPER" || auto === "SAME_LOWER";
  if (!asked && !isSame) return { ...moved, outputPadding };
  const totals = kernel.map((_, axis) => {
    const stride = moved.strides[axis] as number;
    // What each step adds to the stride; with SAME the output is stride times the input, whatever that is.
    const surplus = (outputPadding[axis] as number) + reachOf(moved, axis) - stride;
    return Math.max(0, asked ? stride * Number(spatial[axis]) + surplus - (asked[axis] as number) : surplus);
  });
  return { ...moved, ...shared(totals, auto), outputPadding };
}

/** x [N, M, ...] and weight [M, C/group, ...kernel] => [N, C, ...]. */
const convTranspose: ShapeRule = (context) => {
  const [x, w] = [required(context, 0), required(context, 1)];
  const group = groupsOf(context);
  if (x.shape.length < 3 || x.shape.length !== w.shape.length)
    throw invalid(context, "input and weight must have the same rank, 3 or more");
  const [batch, channels, ...spatial] = x.shape as [Dim, Dim, ...Dim[]];
  const [inputChannels, perGroup] = w.shape as [Dim, Dim];
  if (typeof channels === "number" && typeof inputChannels === "number" && channels !== inputChannels)
    throw invalid(context, `${channels} input channels do not fit a weight for ${inputChannels}`);
  if (typeof channels === "number" && channels % group !== 0)
    throw invalid(context, `${channels} channels do not divide into ${group} groups`);
  const filters = multiply(perGroup, group);
  checkBias(context, filters);
  const kernel = kernelOf(context, w.shape);
  const perAxis = [intsAttribute(context.node, "output_padding"), intsAttribute(context.node, "output_shape")?.slice(-kernel.length)];
  if (perAxis.some((list) => list && (list.length !== kernel.length || !list.every((size) => size >= 0))))
    throw invalid(context, "output_padding and output_shape must have one entry for each spatial axis");
  const window = transposedWindowOf(context.node, kernel, spatial);
  const sizes = spatial.map((size, axis): Dim => {
    if (perAxis[1]) return perAxis[1][axis] as number;
    const cut = (window.padsBegin[axis] as number) + (window.padsEnd[axis] as number);
    const full = add(multiply(add(size, -1), window.strides[axis] as number), reachOf(window, axis), window.outputPadding[axis] as number);
    return add(full, -cut);
  });
  if (sizes.some((size) => typeof size === "number" && size < 1))
    throw invalid(context, `its output would have the sizes [${sizes.join(", ")}]`);
  return [{ type: x.type, shape: [batch, filters, ...sizes] }];
};

export const convolutionShapes: Readonly<Record<string, ShapeRule>> = {
  Conv: conv,
  ConvTranspose: convTranspose,
  ConvInteger: quantizedForm(conv, [0, 1], () => "int32"),
  QLinearConv: quantizedForm(conv, [0, 3, 8], (context) => required(context, 7).type),
  "com.microsoft:FusedConv": conv,
};
