import type { LimbeckError } from "../../../errors.ts";
import { int, intsAttribute, without } from "../../attributes.ts";
import type { Attributes, Node, Shape } from "../../graph.ts";
import { type ElementType, float32, int64, type Tensor } from "../../tensor.ts";

/** What a step may ask about the values around its node, and what it may put before the node. */
export interface StepContext {
  /** `undefined` where it can't be inferred. */
  shapeOf(name: string | undefined): Shape | undefined;
  /** `undefined` where it can't be inferred. */
  typeOf(name: string | undefined): ElementType | undefined;
  /** The elements of a value that is known before the graph runs. */
  constantOf(name: string | undefined): Tensor | undefined;
  /** Whether anything takes this value, or the graph gives it out. */
  isUsed(name: string | undefined): boolean;
  /** Stores a constant. Returns its name. */
  store(name: string, tensor: Tensor): string;
  /** Puts a node before the one in hand. Returns the name of its only output. */
  emit(op: string, inputs: readonly string[], attributes?: Attributes): string;
  /** The error for a node that no newer (or older) form means the same as. */
  inexact(why: string): LimbeckError;
}

/** Brings a node over the version at which its operator changed; it keeps the names of its outputs. */
export type Step = (node: Node, context: StepContext) => Node;

/**
 * Steps by operator and by the version at which its definition changed in more than the types it takes. The steps of versions up to `OPSET`
 * bring a node of the version before up to it; those of later versions bring a node of that version down to the one before.
 */
export type Steps = Readonly<Record<string, Readonly<Record<number, Step>>>>;

/** An attribute of whole numbers that has become the last input. An empty list has always meant the same as none. */
export const asInput =
  (name: string): Step =>
  (node, { store }) => {
    const numbers = intsAttribute(node, name) ?? [];
    const inputs = numbers.length > 0 ? [...node.inputs, store(name, int64(numbers))] : node.inputs;
    return { ...node, inputs, attributes: without(node.attributes, name) };
  };

/** A float attribute as a scalar of the type of the value it goes with. */
export function scalarLike(name: string, number: number, like: string, { typeOf, store, emit }: StepContext): string {
  const type = typeOf(like);
  if (type === "float64") return store(name, { type, shape: [], data: Float64Array.of(number) });
  const scalar = store(name, float32([number], []));
  return type === "float32" ? scalar : emit("CastLike", [scalar, like]);
}

/**
 * Applies an operator that works on rows to `x` with the axes before `axis` as its rows and the rest as its columns.
 *
 * @param rowwise Emits the operator on an [rows, columns] value.
 * @returns The node in hand's successor, which gives the result the shape of `x` again.
 */
export function onRows(node: Node, axis: number, rowwise: (rows: string) => string, { shapeOf, store, emit }: StepContext): Node {
  const [x = ""] = node.inputs;
  const result = rowwise(emit("Flatten", [x], { axis: int(axis) }));
  const shape = shapeOf(x);
  const open = shape?.filter((size) => typeof size === "string").length;
  const isConstant = shape !== undefined && open !== undefined && open <= 1 && !shape.includes(0);
  const target = isConstant ? store("shape", int64(shape.map((size) => (typeof size === "number" ? size : -1)))) : emit("Shape", [x]);
  return { ...node, op: "Reshape", inputs: [result, target], outputs: node.outputs.slice(0, 1), attributes: {} };
}
