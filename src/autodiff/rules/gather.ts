import { LimbeckError } from "../../errors.ts";
import { intAttribute, stringAttribute } from "../../graph/attributes.ts";
import type { GraphBuilder } from "../../graph/builder/builder.ts";
import { describeNode, type Value } from "../../graph/graph.ts";
import { elementCount, int64, toNumbers } from "../../graph/tensor.ts";
import { axisOf, type GradientContext, type GradientRule, type GradientRules, sizesOf } from "../rule.ts";

/** A table of at most this many rows gets its gradient by a product with the one-hot indices; a scatter costs as much as 200 rows do. */
const FEW_ROWS = 128;

/** Each gathered slice adds its gradient to the place it came from. */
const gather: GradientRule = (context) => {
  const { g, inputs, grads } = context;
  const [x, indices] = inputs as [Value, Value];
  const axis = axisOf(context, 0);
  const sizes = sizesOf(x);
  const [before, size, after] = [sizes.slice(0, axis), sizes[axis] as number, sizes.slice(axis + 1)];
  const count = elementCount(sizesOf(indices));
  const dy = g.reshape(grads[0] as Value, [...before, count, ...after]);
  const order = knownIndices(g, indices, size);
  if (order) {
    const [start] = order as [number];
    if (order.every((index, position) => index === start + position)) return [{ stretch: dy, axis, start }];
    if (count === size && new Set(order).size === size) {
      const inverse = new Array<number>(size);
      order.forEach((index, position) => {
        inverse[index] = position;
      });
      return [g.gather(dy, g.constant(int64(inverse)), axis)];
    }
  }
  if (elementCount(before) === 1 && size <= FEW_ROWS) {
    const oneHot = g.cast(g.oneHot(g.reshape(wrapped(g, indices, g.scalar(size, indices.type)), [count]), size), x.type);
    return [g.reshape(g.matMul(oneHot, g.reshape(dy, [count, elementCount(after)]), { transposeA: true }), sizes)];
  }
  const positions = g.reshape(indices, [...before.map(() => 1), count, ...after.map(() => 1)]);
  return [g.scatterAdd(zeros(g, x, sizes), g.expand(positions, sizesOf(dy)), dy, axis)];
};

/** Constant indices, counted from the start. */
function knownIndices(g: GraphBuilder, indices: Value, size: number): readonly number[] | undefined {
  const tensor = g.constantOf(indices);
  const numbers = tensor && toNumbers(tensor);
  return numbers && numbers.length > 0 ? numbers.map((index) => (index < 0 ? index + size : index)) : undefined;
}

/** Indices counted from the end made to count from the start. */
function wrapped(g: GraphBuilder, indices: Value, size: Value): Value {
  return g.where(g.less(indices, 0), g.add(indices, size), indices);
}

const gatherElements: GradientRule = (context) => {
  const { g, inputs, grads } = context;
  const [x, indices] = inputs as [Value, Value];
  return [g.scatterAdd(zeros(g, x, sizesOf(x)), indices, grads[0] as Value, axisOf(context, 0))];
};

/**
 * x [B..., D..., rest], indices [B..., I..., k] of k axes D: rows of `rest` elements, gathered by their number among all rows.
 *
 * Not by ScatterND, whose additions in ONNX Runtime 1.30 get lost when two threads meet at a row.
 */
const gatherNd: GradientRule = ({ g, node, inputs, grads }) => {
  const [x, indices] = inputs as [Value, Value];
  const batchDims = intAttribute(node, "batch_dims", 0);
  const sizes = sizesOf(x);
  const tuple = sizesOf(indices).at(-1) as number;
  const indexed = sizes.slice(batchDims, batchDims + tuple);
  const [batch, rest] = [elementCount(sizes.slice(0, batchDims)), elementCount(sizes.slice(batchDims + tuple))];
  const coordinates = wrapped(g, g.reshape(indices, [batch, -1, tuple]), g.constant(int64(indexed)));
  const strides = indexed.map((_, axis) => elementCount(indexed.slice(axis + 1)));
  const within = g.reduceSum(g.mul(coordinates, g.constant(int64(strides))), { axes: [-1] });
  const firstRows = Array.from({ length: batch }, (_, entry) => entry * elementCount(indexed));
  const rows = g.reshape(g.add(within, g.constant(int64(firstRows, [batch, 1]))), [-1, 1]);
  const dy = g.reshape(grads[0] as Value, [-1, rest]);
  const dx = g.scatterAdd(zeros(g, x, [batch * elementCount(indexed), rest]), g.expand(rows, sizesOf(dy)), dy, 0);
  return [g.reshape(dx, sizes)];
};

/** What a scatter does where it meets an element: replace it, or add to it. */
function replaces({ node }: GradientContext): boolean {
  const reduction = stringAttribute(node, "reduction", "none");
  if (reduction === "none" || reduction === "add") return reduction === "none";
  throw new LimbeckError(`No gradient rule for ${describeNode(node)} with reduction "${reduction}".`, {
    hint: 'Only "none" and "add" have one. Freeze the parameters before this node, or replace the operator.',
  });
}

/** y = x with slices replaced by updates, or added to: dx = dy, with zeros where they were replaced; the updates get their slices of dy. */
const scatterNd: GradientRule = (context) => {
  const { g, inputs, grads } = context;
  const [, indices, updates] = inputs as [Value, Value, Value];
  const dy = grads[0] as Value;
  const kept = replaces(context) ? (g.emit("ScatterND", [dy, indices, zeros(g, updates, sizesOf(updates))])[0] as Value) : dy;
  return [kept, undefined, g.emit("GatherND", [dy, indices])[0] as Value];
};

const scatterElements: GradientRule = (context) => {
  const { g, node, inputs, grads } = context;
  const [, indices, updates] = inputs as [Value, Value, Value];
  const dy = grads[0] as Value;
  const { axis } = node.attributes;
  const kept = replaces(context)
    ? (g.emit("ScatterElements", [dy, indices, zeros(g, updates, sizesOf(updates))], { attributes: axis ? { axis } : {} })[0] as Value)
    : dy;
  return [kept, undefined, g.gatherElements(dy, indices, axisOf(context, 0))];
};

/** The k largest or smallest along an axis, and where they were: the values' gradients go back there. */
const topK: GradientRule = (context) => {
  const { g, inputs, outputs, grads } = context;
  const x = inputs[0] as Value;
  const positions = outputs[1] ?? topKPositions(context);
  return [g.scatterAdd(zeros(g, x, sizesOf(x)), positions, grads[0] as Value, axisOf(context, -1))];
};

function topKPositions({ g, node, inputs }: GradientContext): Value {
  return g.emit("TopK", inputs, { attributes: node.attributes, outputs: 2 })[1] as Value;
}

function zeros(g: GraphBuilder, like: Value, sizes: readonly number[]): Value {
  return g.expand(g.scalar(0, like.type), sizes);
}

export const gatherRules: GradientRules = {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherNd,
  ScatterND: scatterNd,
  ScatterElements: scatterElements,
  TopK: topK,
};
