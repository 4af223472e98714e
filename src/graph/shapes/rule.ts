import { LimbeckError } from "../../errors.ts";
import { type Dim, describeNode, formatShape, type Node, type Shape, type Value } from "../graph.ts";
import { MOST_AXES, MOST_SIZES } from "../onnx/limits.ts";
import { type ElementType, type Tensor, toNumbers } from "../tensor.ts";
import { multiply } from "./symbolic.ts";

/** What shape inference gives for one output. */
export interface ValueType {
  readonly type: ElementType;
  readonly shape: Shape;
}

/** What a shape rule sees of its node. */
export interface ShapeContext {
  readonly node: Node;
  /** Version of the node's operator set. */
  readonly opset: number;
  /** `undefined` where an optional input is left out. */
  readonly inputs: readonly (Value | undefined)[];
  /** The value of an input that is known before the graph runs. */
  constant(index: number): Tensor | undefined;
  /**
   * The elements of an input, in row-major order, that are known before the graph runs but for symbolic sizes: what Shape gives, and what
   * is computed from that.
   */
  symbolic(index: number): readonly Dim[] | undefined;
}

/** Gives the type and shape of each output of a node, or throws what is wrong with its inputs. */
export type ShapeRule = (context: ShapeContext) => readonly ValueType[];

export function invalid(context: Pick<ShapeContext, "node" | "inputs">, why: string): LimbeckError {
  const shapes = context.inputs.map((input) => (input ? `${input.name}: ${input.type}${formatShape(input.shape)}` : "-"));
  return new LimbeckError(`${describeNode(context.node)} cannot take these inputs: ${why} (${shapes.join("; ")}).`);
}

/** Input `index`, which must be there. */
export function required(context: ShapeContext, index: number): Value {
  const input = context.inputs[index];
  if (!input) throw invalid(context, `input ${index} is missing`);
  return input;
}

/**
 * Input `index` as numbers known before the graph runs; `undefined` where it is left out.
 *
 * @throws LimbeckError where it is not a constant.
 */
export function constantNumbers(context: ShapeContext, index: number): readonly number[] | undefined {
  if (!context.inputs[index]) return undefined;
  const constant = context.constant(index);
  if (!constant) throw invalid(context, `input ${index} must be a constant`);
  return listed(context, index, constant);
}

/** Before memory and time are taken for what no list of sizes or axes holds. */
function listed(context: ShapeContext, index: number, tensor: Tensor): readonly number[] {
  const { length } = tensor.data;
  if (length > MOST_SIZES) throw invalid(context, `input ${index} has ${length} elements, more than any list of sizes or axes`);
  return toNumbers(tensor);
}

/**
 * Input `index` as far as it is known before the graph runs, with symbolic sizes among its elements; `undefined` where it is left out or
 * not known.
 */
export function knownSizes(context: ShapeContext, index: number): readonly Dim[] | undefined {
  const constant = context.constant(index);
  return constant ? listed(context, index, constant) : context.symbolic(index);
}

/**
 * The one element of input `index`; `undefined` where only running the graph tells.
 *
 * @throws LimbeckError when the input is missing or holds another number of elements.
 */
export function knownSize(context: ShapeContext, index: number): Dim | undefined {
  required(context, index);
  const known = knownSizes(context, index);
  if (known && known.length !== 1) throw invalid(context, `input ${index} must have one element`);
  return known?.[0];
}

/**
 * Input `index` as a list of sizes; a size that is known only at run time has a name of its own. `undefined` where the input is left out.
 *
 * @throws LimbeckError when not even their number is known.
 */
export function sizesIn(context: ShapeContext, index: number): readonly Dim[] | undefined {
  const input = context.inputs[index];
  if (!input) return undefined;
  const known = knownSizes(context, index);
  if (known) return known;
  const [count] = input.shape;
  if (input.shape.length !== 1 || typeof count !== "number" || count > MOST_AXES)
    throw invalid(context, `input ${index} must be a constant, or a list of known length`);
  return Array.from({ length: count }, (_, axis) => openSize(context, axis));
}

/** Sizes of which only running the graph tells what they are. */
export const openShape = (context: ShapeContext, rank: number): Shape => Array.from({ length: rank }, (_, axis) => openSize(context, axis));

/** The axes that input `index` names, counted from the start; `undefined` where the input is left out or only running the graph tells. */
export function knownAxes(context: ShapeContext, index: number, rank: number): readonly number[] | undefined {
  return knownSizes(context, index)?.map((axis) => normalizeAxis(context, Number(axis), rank));
}

/** One output, of the type and shape of the first input. */
export const likeInput: ShapeRule = (context) => {
  const { type, shape } = required(context, 0);
  return [{ type, shape }];
};

/** The name of a size that only running the graph tells: that of an axis of one of the node's outputs. */
export function openSize(context: ShapeContext, axis: number, output = 0): string {
  // Without what reads as an operator in an expression of sizes.
  const name = (context.node.outputs[output] ?? "").replaceAll(/[-+*/(),\s]+/g, "_");
  return `${name}_dim_${axis}`;
}

/** Turns an axis counted from the end into one counted from the start. */
export function normalizeAxis(context: ShapeContext, axis: number, rank: number): number {
  const normalized = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(normalized) || normalized < 0 || normalized >= rank)
    throw invalid(context, `axis ${axis} is out of range for rank ${rank}`);
  return normalized;
}

/**
 * The common shape of operands that broadcast as in NumPy; `undefined` where they don't. A number other than 1 decides; two different
 * symbolic sizes that meet are taken to be equal, as in ONNX's own inference, and the first is kept.
 */
export function broadcastShapes(shapes: readonly Shape[]): Shape | undefined {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  const result: Dim[] = [];
  for (let axis = 0; axis < rank; axis++) {
    let common: Dim = 1;
    for (const shape of shapes) {
      const size = shape[axis - rank + shape.length] ?? 1;
      if (size === 1 || size === common) continue;
      if (common === 1) common = size;
      else if (typeof size === "number") {
        if (typeof common === "number") return undefined;
        common = size;
      }
    }
    result.push(common);
  }
  return result;
}

/** The number of elements of a shape; an expression where it holds symbolic sizes: `"4*N"`. */
export const productOf = (shape: Shape): Dim => multiply(...shape);

export function broadcast(context: ShapeContext, inputs: readonly Value[]): Shape {
  const shape = broadcastShapes(inputs.map((input) => input.shape));
  if (!shape) throw invalid(context, "the shapes do not broadcast");
  return shape;
}
