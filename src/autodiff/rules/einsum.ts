import { LimbeckError } from "../../errors.ts";
import { string } from "../../graph/attributes.ts";
import type { GraphBuilder } from "../../graph/builder/builder.ts";
import { describeNode, type Node, type Value } from "../../graph/graph.ts";
import { einsumEquation } from "../../graph/shapes/einsum.ts";
import { type GradientRule, type GradientRules, sizesOf } from "../rule.ts";

/** An operand with a letter for each axis. Axes of size 1 that broadcast are dropped, so that equal letters have equal sizes. */
interface Term {
  readonly value: Value;
  readonly letters: readonly string[];
}

/** y = Σ a·b·c over the letters that y lacks  =>  da = Σ dy·b·c over those that a lacks, repeated along those that only a has. */
const einsum: GradientRule = ({ g, node, inputs, outputs, grads }) => {
  const [y, dy] = [outputs[0], grads[0]] as [Value, Value];
  const { operands, result } = termsOf(node, inputs, y);
  const sizes = new Map<string, number>();
  operands.forEach((letters, index) => {
    sizesOf(inputs[index] as Value).forEach((size, axis) => {
      const letter = letters[axis] as string;
      sizes.set(letter, Math.max(size, sizes.get(letter) ?? 1));
    });
  });
  const terms = operands.map((letters, index) => withoutBroadcast(g, inputs[index] as Value, letters, sizes));
  const from = withoutBroadcast(g, dy, result, sizes);
  return terms.map(({ value, letters }, index) => {
    const others = [from, ...terms.filter((_, other) => other !== index)];
    const summed = letters.filter((letter) => others.some((term) => term.letters.includes(letter)));
    const sum = emitEinsum(g, others, summed);
    const repeated = g.reshape(
      sum,
      letters.map((letter) => (summed.includes(letter) ? (sizes.get(letter) as number) : 1)),
    );
    return g.reshape(g.expand(repeated, sizesOf(value)), (inputs[index] as Value).shape);
  });
};

/** The letters of every operand and of the result; the axes behind an ellipsis get numbers for letters, aligned at the last one. */
function termsOf(node: Node, inputs: readonly Value[], y: Value): { operands: string[][]; result: string[] } {
  const { operands, result } = einsumEquation({ node, inputs });
  const spell = (labels: readonly string[], rank: number): string[] => {
    const hidden = rank - labels.length + 1;
    return labels.flatMap((label) => (label === "..." ? Array.from({ length: hidden }, (_, axis) => String(hidden - axis)) : [label]));
  };
  for (const [index, labels] of operands.entries()) {
    if (new Set(labels).size === labels.length) continue;
    throw new LimbeckError(`No gradient rule for ${describeNode(node)} with a letter twice in operand ${index}.`, {
      hint: "Take the diagonal before it.",
    });
  }
  return {
    operands: operands.map((labels, index) => spell(labels, (inputs[index] as Value).shape.length)),
    result: spell(result, y.shape.length),
  };
}

function withoutBroadcast(g: GraphBuilder, value: Value, letters: readonly string[], sizes: ReadonlyMap<string, number>): Term {
  const own = sizesOf(value);
  const kept = [...letters.keys()].filter((axis) => own[axis] === sizes.get(letters[axis] as string));
  return {
    value: g.reshape(
      value,
      kept.map((axis) => own[axis] as number),
    ),
    letters: kept.map((axis) => letters[axis] as string),
  };
}

function emitEinsum(g: GraphBuilder, terms: readonly Term[], result: readonly string[]): Value {
  const [first] = terms as [Term];
  if (terms.length === 1 && first.letters.join() === result.join()) return first.value;
  const used = [...new Set(terms.flatMap(({ letters }) => letters))];
  const spell = (letters: readonly string[]) => letters.map((letter) => ALPHABET[used.indexOf(letter)]).join("");
  const equation = `${terms.map(({ letters }) => spell(letters)).join(",")}->${spell(result)}`;
  const operands = terms.map(({ value }) => value);
  return g.emit("Einsum", operands, { attributes: { equation: string(equation) } })[0] as Value;
}

const ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

export const einsumRules: GradientRules = { Einsum: einsum };
