import { LimbeckError } from "../errors.ts";
import { type Attribute, type Attributes, describeNode, type Node } from "./graph.ts";
import type { Tensor } from "./tensor.ts";

export const int = (value: number): Attribute => ({ kind: "int", value });
export const float = (value: number): Attribute => ({ kind: "float", value });
export const ints = (value: readonly number[]): Attribute => ({ kind: "ints", value });
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

/** The attributes without one, for a node made from another. */
export function without(attributes: Attributes, ...names: readonly string[]): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => !names.includes(name)));
}

function wrongKind(node: Node, name: string, found: Attribute, kind: Attribute["kind"]): LimbeckError {
  return new LimbeckError(`Attribute "${name}" should be of kind ${kind}, not ${found.kind}.`, { where: describeNode(node) });
}
