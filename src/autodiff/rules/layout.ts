import { LimbeckError } from "../../errors.ts";
import { intAttribute, intsAttribute } from "../../graph/attributes.ts";
import type { Value } from "../../graph/graph.ts";
import { sliceRange } from "../../graph/shapes/layout.ts";
import { toNumbers } from "../../graph/tensor.ts";
import { type GradientContext, type GradientRule, type GradientRules, sizesOf } from "../rule.ts";

/** Input `index` as numbers; shape inference has made sure that it is a constant. */
function constantInput({ g, inputs }: GradientContext, index: number): readonly number[] | undefined {
  const input = inputs[index];
  const tensor = input && g.constantOf(input);
  return tensor && toNumbers(tensor);
}

const axisOf = (context: GradientContext, fallback: number): number => {
  const axis = intAttribute(context.node, "axis", fallback);
  return axis < 0 ? axis + (context.inputs[0] as Value).shape.length : axis;
};

/** Elements only changed their indices' shape: so does the gradient. */
const reshaped: GradientRule = ({ g, inputs, grads }) => [g.reshape(grads[0] as Value, (inputs[0] as Value).shape)];

const transpose: GradientRule = ({ g, node, inputs, grads }) => {
  const x = inputs[0] as Value;
  const order = intsAttribute(node, "perm") ?? [...x.shape.keys()].reverse();
  return [
    g.transpose(
      grads[0] as Value,
      order.map((_, axis) => order.indexOf(axis)),
    ),
  ];
};

/** Each part of a concatenation gets its slice of the gradient. */
const concat: GradientRule = (context) => {
  const { g, inputs, grads } = context;
  const axis = axisOf(context, 0);
  return g.split(
    grads[0] as Value,
    inputs.map((part) => Number(part.shape[axis])),
    axis,
  );
};

const split: GradientRule = (context) => [context.g.concat(context.grads, axisOf(context, 0))];

/** A slice's gradient is put back among zeros; steps other than 1 go through a scatter. */
const slice: GradientRule = (context) => {
  const { g, node, inputs, grads } = context;
  const x = inputs[0] as Value;
  const starts = intsAttribute(node, "starts") ?? constantInput(context, 1) ?? [];
  const ends = intsAttribute(node, "ends") ?? constantInput(context, 2) ?? [];
  const axes = intsAttribute(node, "axes") ?? constantInput(context, 3) ?? starts.map((_, axis) => axis);
  const steps = constantInput(context, 4) ?? starts.map(() => 1);
  const rank = x.shape.length;
  let dx = grads[0] as Value;
  axes.forEach((raw, index) => {
    const axis = raw < 0 ? raw + rank : raw;
    const size = Number(x.shape[axis]);
    const step = steps[index] as number;
    const { start, count } = sliceRange(size, starts[index] as number, ends[index] as number, step);
    if (count === 0) throw new LimbeckError("A slice that takes nothing has no gradient.", { where: `node "${node.name}"` });
    if (step === 1) {
      const pads = new Array<number>(2 * rank).fill(0);
      pads[axis] = start;
      pads[rank + axis] = size - start - count;
      dx = g.pad(dx, pads);
    } else {
      const positions = BigInt64Array.from({ length: count }, (_, position) => BigInt(start + position * step));
      const shape = dx.shape.map((_, other) => (other === axis ? count : 1));
      const indices = g.expand(g.constant({ type: "int64", shape, data: positions }), sizesOf(dx));
      const whole = dx.shape.map((old, other) => (other === axis ? size : Number(old)));
      dx = g.scatterAdd(g.expand(g.scalar(0, x.type), whole), indices, dx, axis);
    }
  });
  return [dx];
};

/** Padding with a constant: cut the padding off again. A negative pad had cut, so it is padded back. */
const pad: GradientRule = (context) => {
  const { g, node, inputs, grads } = context;
  const mode = node.attributes.mode;
  if (mode?.kind === "string" && mode.value !== "constant")
    throw new LimbeckError(`No gradient rule for Pad in mode "${mode.value}".`, { where: `node "${node.name}"` });
  const x = inputs[0] as Value;
  const pads = intsAttribute(node, "pads") ?? constantInput(context, 1) ?? [];
  const axes = constantInput(context, 3) ?? [...x.shape.keys()];
  const rank = x.shape.length;
  const back = new Array<number>(2 * rank).fill(0);
  axes.forEach((raw, index) => {
    const axis = raw < 0 ? raw + rank : raw;
    back[axis] = -(pads[index] as number);
    back[rank + axis] = -(pads[index + axes.length] as number);
  });
  return [g.pad(grads[0] as Value, back)];
};

/** Each gathered slice adds its gradient to the place it came from. */
const gather: GradientRule = (context) => {
  const { g, inputs, grads } = context;
  const [x, indices] = inputs as [Value, Value];
  const axis = axisOf(context, 0);
  const before = x.shape.slice(0, axis).map(Number);
  const after = x.shape.slice(axis + 1).map(Number);
  const count = indices.shape.reduce<number>((product, size) => product * Number(size), 1);
  const flat = g.reshape(grads[0] as Value, [...before, count, ...after]);
  const positions = g.expand(g.reshape(indices, [...before.map(() => 1), count, ...after.map(() => 1)]), [...before, count, ...after]);
  return [g.scatterAdd(g.expand(g.scalar(0, x.type), sizesOf(x)), positions, flat, axis)];
};

const gatherElements: GradientRule = (context) => {
  const { g, inputs, grads } = context;
  const [x, indices] = inputs as [Value, Value];
  return [g.scatterAdd(g.expand(g.scalar(0, x.type), sizesOf(x)), indices, grads[0] as Value, axisOf(context, 0))];
};

const expand: GradientRule = ({ g, inputs, grads }) => [g.sumTo(grads[0] as Value, inputs[0] as Value)];

/** x was repeated r times along an axis: view that axis as [r, size] and sum over r. */
const tile: GradientRule = (context) => {
  const { g, inputs, grads } = context;
  const x = inputs[0] as Value;
  const repeats = constantInput(context, 1) ?? [];
  const split = x.shape.flatMap((size, axis) => [repeats[axis] as number, Number(size)]);
  const axes = x.shape.map((_, axis) => 2 * axis);
  return [g.reduceSum(g.reshape(grads[0] as Value, split), { axes })];
};

export const layoutRules: GradientRules = {
  Reshape: reshaped,
  Flatten: reshaped,
  Squeeze: reshaped,
  Unsqueeze: reshaped,
  Transpose: transpose,
  Concat: concat,
  Split: split,
  Slice: slice,
  Pad: pad,
  Gather: gather,
  GatherElements: gatherElements,
  Expand: expand,
  Tile: tile,
};
