import type { Dim } from "../../graph.ts";
import type { ShapeContext, ValueType } from "../../shapes/rule.ts";
import { arrayTypeOf, type ElementType, elementCount, type Tensor } from "../../tensor.ts";

/** Of a tensor (a bigint in 64 bits), or of a list of sizes (text where it is symbolic). */
export type Element = number | bigint | string;

/** Typed arrays and lists of sizes, seen as what they have in common. */
export interface Elements {
  readonly length: number;
  [index: number]: Element;
}

/** A tensor of numbers, or of sizes that may be symbolic. */
export interface Operand {
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly data: Elements;
}

/** An output in the making, with what it is made from. */
export interface Task {
  readonly context: ShapeContext;
  /** `undefined` where an optional input is left out. */
  readonly inputs: readonly (Operand | undefined)[];
  /** Types and shapes of all outputs of the node; the one in the making is number `index`. */
  readonly outputs: readonly ValueType[];
  readonly index: number;
  readonly type: ElementType;
  readonly shape: readonly number[];
  /** Zeros to be written over. */
  allocate(count?: number, type?: ElementType): Elements;
}

/** Computes the elements of an output of a node, or returns `undefined` to leave it to the runtime. */
export type Kernel = (task: Task) => Elements | undefined;

export const operandOf = (tensor: Tensor): Operand => ({ ...tensor, data: tensor.data as unknown as Elements });
export const symbolicOperand = (type: ElementType, shape: readonly number[], dims: readonly Dim[]): Operand => ({
  type,
  shape,
  data: [...dims],
});

export function typedArray(type: ElementType, count: number): Elements {
  return new (arrayTypeOf(type as Exclude<ElementType, "string">))(count) as unknown as Elements;
}

/** Input `index`, which the shape rule has found there. */
export const operand = (task: Task, index: number): Operand => task.inputs[index] as Operand;

/** The elements of an input that says where or how many; `undefined` where it is left out or some are symbolic. */
export function plainNumbers(task: Task, index: number): readonly number[] | undefined {
  const data = task.inputs[index]?.data;
  if (!data) return undefined;
  const numbers = Array.from(data, (element) => (typeof element === "string" ? Number.NaN : Number(element)));
  return numbers.some(Number.isNaN) ? undefined : numbers;
}

/** Row-major distances between neighbours along each axis. */
export function stridesOf(shape: readonly number[]): number[] {
  return shape.map((_, axis) => elementCount(shape.slice(axis + 1)));
}

/** One side of a copy: element [i, j, ...] is at `start + i·strides[0] + j·strides[1] + ...`. */
export interface Side {
  readonly data: Elements;
  readonly strides: readonly number[];
  readonly start?: number;
}

/** Copies a block of the given shape: transposing, slicing, padding and broadcasting are all of this form. */
export function copyStrided(shape: readonly number[], from: Side, to: Side): Elements {
  const index = shape.map(() => 0);
  let [source, target] = [from.start ?? 0, to.start ?? 0];
  for (let count = elementCount(shape); count > 0; count--) {
    to.data[target] = from.data[source] as Element;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      source += from.strides[axis] as number;
      target += to.strides[axis] as number;
      index[axis] = (index[axis] as number) + 1;
      if ((index[axis] as number) < (shape[axis] as number)) break;
      source -= (from.strides[axis] as number) * (shape[axis] as number);
      target -= (to.strides[axis] as number) * (shape[axis] as number);
      index[axis] = 0;
    }
  }
  return to.data;
}

/** An operand's elements repeated to the output's shape. */
export function broadcastTo(task: Task, { type, shape, data }: Operand): Elements {
  const extra = task.shape.length - shape.length;
  const own = stridesOf(shape);
  const strides = task.shape.map((_, axis) => (axis < extra || shape[axis - extra] === 1 ? 0 : (own[axis - extra] as number)));
  const count = elementCount(task.shape);
  return copyStrided(task.shape, { data, strides }, { data: task.allocate(count, type), strides: stridesOf(task.shape) });
}
