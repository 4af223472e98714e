import { intsAttribute } from "../../graph/attributes.ts";
import type { Value } from "../../graph/graph.ts";
import { axisOf, constantInput, type GradientRule, type GradientRules } from "../rule.ts";

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

/** What lies outside the kept triangle gets nothing. */
const trilu: GradientRule = ({ g, node, inputs, grads }) => [g.emit("Trilu", [grads[0], inputs[1]], { attributes: node.attributes })[0]];

/** A reversal undoes itself. */
const reverseSequence: GradientRule = ({ g, node, inputs, grads }) => [
  g.emit("ReverseSequence", [grads[0], inputs[1]], { attributes: node.attributes })[0],
];

export const layoutRules: GradientRules = {
  Reshape: reshaped,
  Flatten: reshaped,
  Squeeze: reshaped,
  Unsqueeze: reshaped,
  Transpose: transpose,
  Concat: concat,
  Split: split,
  Expand: expand,
  Tile: tile,
  Trilu: trilu,
  ReverseSequence: reverseSequence,
};
