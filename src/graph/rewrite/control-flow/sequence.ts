import { int, intAttribute, ints } from "../../attributes.ts";
import type { Node } from "../../graph.ts";
import { int64, type Tensor, toNumbers } from "../../tensor.ts";
import { identity } from "../splice.ts";
import { type Fold, knownNumber, type Walk } from "./walk.ts";

/** Longer sequences are not followed. */
const LONGEST = 256;

/**
 * What is taken out of a sequence, where it is known which tensors are in it. The operators that make sequences stay; they are dropped with
 * whatever nothing needs any more.
 */
export const foldSequence: Fold = (node, walk) => {
  if (node.op === "SplitToSequence") return splitToSequence(node, walk);
  const made = sequenceMade(node, walk);
  if (made && made.length <= LONGEST && node.outputs[0]) walk.sequences.set(node.outputs[0], made);
  const taken = made ? undefined : takenOut(node, walk);
  return taken && walk.fold(taken);
};

/** The tensors in the sequence that a node gives. */
function sequenceMade(node: Node, walk: Walk): readonly string[] | undefined {
  const [first = "", second = "", third = ""] = node.inputs;
  if (node.op === "SequenceEmpty") return [];
  if (node.op === "SequenceConstruct") return node.inputs;
  const sequence = walk.sequences.get(first);
  if (!sequence) return undefined;
  switch (node.op) {
    case "Identity":
      return sequence;
    case "SequenceInsert": {
      const place = third === "" ? sequence.length : placeIn(sequence.length + 1, third, walk);
      return place === undefined ? undefined : sequence.toSpliced(place, 0, second);
    }
    case "SequenceErase": {
      const place = placeIn(sequence.length, second, walk, -1);
      return place === undefined ? undefined : sequence.toSpliced(place, 1);
    }
  }
  return undefined;
}

/** A place in a list, counted from the start; `undefined` where it isn't known, or outside. @param fallback Where no place is given. */
function placeIn(length: number, name: string, walk: Walk, fallback?: number): number | undefined {
  const place = name === "" ? fallback : knownNumber(name, walk);
  if (place === undefined) return undefined;
  const fromStart = place < 0 ? place + length : place;
  return Number.isInteger(place) && fromStart >= 0 && fromStart < length ? fromStart : undefined;
}

/** The nodes that give what a node takes out of a sequence. */
function takenOut(node: Node, walk: Walk): readonly Node[] | undefined {
  const sequence = walk.sequences.get(node.inputs[0] ?? "");
  const [to = ""] = node.outputs;
  if (!sequence || to === "") return undefined;
  switch (node.op) {
    case "SequenceLength":
      return [identity(walk.store(`${node.name}/length`, int64([sequence.length], [])), to)];
    case "SequenceAt": {
      const place = placeIn(sequence.length, node.inputs[1] ?? "", walk);
      return place === undefined ? undefined : [identity(sequence[place] as string, to)];
    }
    case "ConcatFromSequence": {
      if (sequence.length === 0) return undefined;
      const axis = intAttribute(node, "axis", 0);
      return intAttribute(node, "new_axis", 0) ? stack(sequence, axis, to, walk) : [concat(sequence, axis, to)];
    }
  }
  return undefined;
}

/** Tensors joined along a new axis. */
export function stack(names: readonly string[], axis: number, to: string, walk: Walk): readonly Node[] {
  const rows = names.map((name) => walk.fresh(`${to}/${name}`));
  return [...names.map((name, index) => withAxis("Unsqueeze", name, axis, rows[index] as string, walk)), concat(rows, axis, to)];
}

function concat(names: readonly string[], axis: number, to: string): Node {
  return { op: "Concat", domain: "", name: to, inputs: names, outputs: [to], attributes: { axis: int(axis) } };
}

/** Unsqueeze or Squeeze; their axes became an input in opset 13. */
function withAxis(op: "Unsqueeze" | "Squeeze", from: string, axis: number, to: string, walk: Walk): Node {
  const node = { op, domain: "", name: to, inputs: [from], outputs: [to], attributes: {} };
  return walk.opset < 13
    ? { ...node, attributes: { axes: ints([axis]) } }
    : { ...node, inputs: [from, walk.store(`${to}/axes`, int64([axis]))] };
}

/** The parts of a tensor as the outputs of a Split, where the size that is split is known. */
function splitToSequence(node: Node, walk: Walk): readonly Node[] | undefined {
  const [x = "", split = ""] = node.inputs;
  const [to = ""] = node.outputs;
  const shape = walk.known.values.get(x)?.shape ?? [];
  const axis = intAttribute(node, "axis", 0);
  const size = shape.at(axis);
  const sizes = typeof size === "number" ? partSizes(size, split === "" ? undefined : walk.known.constants.get(split)) : undefined;
  if (!sizes || (split !== "" && !walk.known.constants.has(split))) return undefined;
  const parts = sizes.map((_, index) => walk.fresh(`${to}/${index}`));
  // ONNX says that `keepdims` counts only without `split`; ONNX Runtime, and so TorchScript's exporter, let it count with a scalar too.
  const drops = intAttribute(node, "keepdims", 1) === 0 && walk.known.constants.get(split)?.shape.length !== 1;
  if (drops && sizes.some((part) => part !== 1)) return undefined;
  const elements = drops ? parts.map((part) => walk.fresh(`${part}/squeezed`)) : parts;
  walk.sequences.set(to, elements);
  const cut: Node = { op: "Split", domain: "", name: node.name, inputs: [x], outputs: parts, attributes: { axis: int(axis) } };
  return walk.fold([
    walk.opset < 13
      ? { ...cut, attributes: { ...cut.attributes, split: ints(sizes) } }
      : { ...cut, inputs: [x, walk.store(`${to}/split`, int64(sizes))] },
    ...(drops ? parts.map((part, index) => withAxis("Squeeze", part, axis, elements[index] as string, walk)) : []),
    { op: "SequenceConstruct", domain: "", name: to, inputs: elements, outputs: [to], attributes: {} },
  ]);
}

/** Sizes of the parts: given one by one, as one size for all but the last, or 1 each. */
function partSizes(size: number, split: Tensor | undefined): readonly number[] | undefined {
  const given = split ? toNumbers(split) : [1];
  if (given.length > LONGEST || !given.every((part) => Number.isInteger(part) && part >= 0)) return undefined;
  if (split?.shape.length === 1) return given.length > 0 ? given : undefined;
  const [each = 1] = given;
  const count = Math.ceil(size / each);
  if (!(count >= 1 && count <= LONGEST)) return undefined;
  return Array.from({ length: count }, (_, index) => Math.min(each, size - index * each));
}
