import { LimbeckError } from "../errors.ts";
import { type Attribute, type Attributes, describeNode, type Node } from "./graph.ts";
import { float32, int64, type Tensor } from "./tensor.ts";

export const int = (value: number): Attribute => ({ kind: "int", value });
/** Stored as float32, so that a reader of the graph sees the number that the runtime sees. */
export const float = (value: number): Attribute => ({ kind: "float", value: Math.fround(value) });
export const ints = (value: readonly number[]): Attribute => ({ kind: "ints", value });
export const floats = (value: readonly number[]): Attribute => ({ kind: "floats", value: value.map(Math.fround) });
export const string = (value: string): Attribute => ({ kind: "string", value });
export const tensor = (value: Tensor): Attribute => ({ kind: "tensor", value });

export function intAttribute(node: Node, name: string, fallback: number): number {
  const found = node.attributes[name];
  if (found === undefined) return fallback;
  if (found.kind !== "int") throw wrongKind(node, name, found, "int");
  return found.value;
}

export function floatAttribute(node: Node, name: string, fallback: number): number {
  const found = node.attributes[name];
  if (found === undefined) return fallback;
  if (found.kind !== "float") throw wrongKind(node, name, found, "float");
  return found.value;
}

export function intsAttribute(node: Node, name: string): readonly number[] | undefined {
  const found = node.attributes[name];
  if (found === undefined) return undefined;
  if (found.kind !== "ints") throw wrongKind(node, name, found, "ints");
  return found.value;
}

export function stringAttribute(node: Node, name: string, fallback: string): string {
  const found = node.attributes[name];
  if (found === undefined) return fallback;
  if (found.kind !== "string") throw wrongKind(node, name, found, "string");
  return found.value;
}

export function tensorAttribute(node: Node, name: string): Tensor | undefined {
  const found = node.attributes[name];
  if (found === undefined) return undefined;
  if (found.kind !== "tensor") throw wrongKind(node, name, found, "tensor");
  return found.value;
}

/** What a Constant node gives, in whichever attribute it is written; `undefined` for other nodes, and for sparse values. */
export function constantTensor(node: Node): Tensor | undefined {
  if (node.op !== "Constant" || node.domain !== "") return undefined;
  const { value, value_float, value_floats, value_int, value_ints } = node.attributes;
  if (value?.kind === "tensor") return value.value;
  if (value_float?.kind === "float") return float32([value_float.value], []);
  if (value_floats?.kind === "floats") return float32(value_floats.value);
  if (value_int?.kind === "int") return int64([value_int.value], []);
  if (value_ints?.kind === "ints") return int64(value_ints.value);
  return undefined;
}

/** The attributes without one, for a node made from another. */
export function without(attributes: Attributes, ...names: readonly string[]): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => !names.includes(name)));
}

function wrongKind(node: Node, name: string, found: Attribute, kind: Attribute["kind"]): LimbeckError {
  return new LimbeckError(`Attribute "${name}" should be of kind ${kind}, not ${found.kind}.`, { where: describeNode(node) });
}
