import { intAttribute, intsAttribute } from "../attributes.ts";
import type { Dim, Shape } from "../graph.ts";
import { invalid, openSize, required, type ShapeContext, type ShapeRule, sizesIn } from "./rule.ts";
import { add, multiply } from "./symbolic.ts";
import { slidOver, type Window, windowOf } from "./window.ts";

/** The sizes [N, C, ...] of an input, and the window that moves over it. */
function pooled(context: ShapeContext): { readonly leading: Shape; readonly spatial: Shape; readonly window: Window } {
  const { shape } = required(context, 0);
  const kernel = intsAttribute(context.node, "kernel_shape");
  const spatial = shape.slice(2);
  if (shape.length < 3 || !kernel || kernel.length !== spatial.length)
    throw invalid(context, "kernel_shape must have one entry per spatial axis");
  return { leading: shape.slice(0, 2), spatial, window: windowOf(context.node, kernel, spatial) };
}

const pool: ShapeRule = (context) => {
  const { leading, spatial, window } = pooled(context);
  const ceil = intAttribute(context.node, "ceil_mode", 0) === 1;
  return [{ type: required(context, 0).type, shape: [...leading, ...slidOver(context, spatial, window, ceil)] }];
};

/** With where each maximum was as the second output. */
const maxPool: ShapeRule = (context) => pool(context).flatMap((output) => [output, { type: "int64", shape: output.shape }]);

/** Puts the maxima back; the sizes that MaxPool did not use up may be given as an input. */
const maxUnpool: ShapeRule = (context) => {
  const { leading, spatial, window } = pooled(context);
  const { type, shape } = required(context, 0);
  const given = sizesIn(context, 2);
  if (given && given.length !== shape.length) throw invalid(context, "the output shape must have one size per axis");
  const sizes = spatial.map((size, axis): Dim => {
    const [kernel, stride, begin, end] = [window.kernel, window.strides, window.padsBegin, window.padsEnd].map(
      (list) => list[axis] as number,
    );
    if (Number.isNaN(begin)) return openSize(context, axis + 2);
    return add(multiply(add(size, -1), stride as number), (kernel as number) - (begin as number) - (end as number));
  });
  return [{ type, shape: given ?? [...leading, ...sizes] }];
};

const globalPool: ShapeRule = (context) => {
  const x = required(context, 0);
  if (x.shape.length < 3) throw invalid(context, "it pools over spatial axes, so the rank must be 3 or more");
  return [{ type: x.type, shape: x.shape.map((size, axis) => (axis < 2 ? size : 1)) }];
};

export const poolingShapes: Readonly<Record<string, ShapeRule>> = {
  MaxPool: maxPool,
  AveragePool: pool,
  LpPool: pool,
  MaxUnpool: maxUnpool,
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
  GlobalLpPool: globalPool,
};
