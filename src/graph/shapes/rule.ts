import { LimbeckError } from "../../errors.ts";
import { type Dim, describeNode, formatShape, type Node, type Shape, type Value } from "../graph.ts";
import { type ElementType, type Tensor, toNumbers } from "../tensor.ts";

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
}

/** Gives the type and shape of each output of a node, or throws what is wrong with its inputs. */
export type ShapeRule = (context: ShapeContext) => readonly ValueType[];

export function invalid(context: ShapeContext, why: string): LimbeckError {
  const shapes = context.inputs.map((input) => (input ? `${input.name}: ${input.type}${formatShape(input.shape)}` : "-"));
  return new LimbeckError(`${describeNode(context.node)} cannot take these inputs: ${why} (${shapes.join("; ")}).`);
}

/** Input `index`, which must be there. */
export function required(context: ShapeContext, index: number): Value {
  const input = context.inputs[index];
  if (!input) throw invalid(context, `input ${index} is missing`);
  return input;
}

/** Input `index` as numbers known before the graph runs; `undefined` where it is left out. */
export function constantNumbers(context: ShapeContext, index: number): readonly number[] | undefined {
  if (!context.inputs[index]) return undefined;
  const constant = context.constant(index);
  if (!constant) throw invalid(context, `input ${index} must be a constant`);
  return toNumbers(constant);
}

/** Turns an axis counted from the end into one counted from the start. */
export function normalizeAxis(context: ShapeContext, axis: number, rank: number): number {
  const normalized = axis < 0 ? axis + rank : axis;
  if (normalized < 0 || normalized >= rank) throw invalid(context, `axis ${axis} is out of range for rank ${rank}`);
  return normalized;
}

/** The common shape of operands that broadcast as in NumPy; `undefined` where they don't. */
export function broadcastShapes(shapes: readonly Shape[]): Shape | undefined {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  const result: Dim[] = [];
  for (let axis = 0; axis < rank; axis++) {
    let common: Dim = 1;
    for (const shape of shapes) {
      const size = shape[axis - rank + shape.length] ?? 1;
      if (size === 1 || size === common) continue;
      if (common === 1 || typeof common === "string") common = size;
      else if (typeof size === "number") return undefined;
    }
    result.push(common);
  }
  return result;
}

/** The number of elements of a shape, in words where it holds symbolic sizes: `"4*N"`. */
export function productOf(shape: Shape): Dim {
  const known = shape.reduce<number>((product, size) => (typeof size === "number" ? product * size : product), 1);
  const symbols = shape.filter((size) => typeof size === "string");
  if (symbols.length === 0 || known === 0) return known;
  return [...(known === 1 ? [] : [known]), ...symbols].join("*");
}

export function broadcast(context: ShapeContext, inputs: readonly Value[]): Shape {
  const shape = broadcastShapes(inputs.map((input) => input.shape));
  if (!shape) throw invalid(context, "the shapes do not broadcast");
  return shape;
}
