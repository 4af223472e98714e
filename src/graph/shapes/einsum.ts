import { stringAttribute } from "../attributes.ts";
import type { Dim, Shape } from "../graph.ts";
import { broadcastShapes, invalid, required, type ShapeContext, type ShapeRule } from "./rule.ts";

/** Stands for the axes that the letters leave over. */
const ELLIPSIS = "...";

/** What an Einsum's equation says: the labels of each operand's axes and of the result's, `"..."` among them where it is written. */
export interface EinsumEquation {
  readonly operands: readonly (readonly string[])[];
  readonly result: readonly string[];
}

/** Reads `"bhid,bhjd->bhij"`; without an arrow the result has the letters that occur once, in alphabetical order, as in NumPy. */
export function einsumEquation(context: Pick<ShapeContext, "node" | "inputs">): EinsumEquation {
  const text = stringAttribute(context.node, "equation", "").replaceAll(" ", "");
  const [left = "", right, ...more] = text.split("->");
  const operands = left.split(",").map(labelsOf);
  const all = operands.flatMap((labels) => labels ?? [undefined]);
  const given = right === undefined ? implicitResult(all) : labelsOf(right);
  if (!given || more.length > 0 || all.includes(undefined) || operands.length !== context.inputs.length)
    throw invalid(context, `"${text}" is no equation of as many operands`);
  return { operands: operands as string[][], result: given };
}

function labelsOf(part: string): string[] | undefined {
  return /^[A-Za-z]*(\.\.\.)?[A-Za-z]*$/.test(part) ? (part.match(/\.\.\.|[A-Za-z]/g) ?? []) : undefined;
}

function implicitResult(labels: readonly (string | undefined)[]): string[] {
  const letters = labels.filter(
    (label) => label !== undefined && label !== ELLIPSIS && labels.indexOf(label) === labels.lastIndexOf(label),
  );
  return [...(labels.includes(ELLIPSIS) ? [ELLIPSIS] : []), ...(letters as string[]).sort()];
}

const einsum: ShapeRule = (context) => {
  const { operands, result } = einsumEquation(context);
  const sizes = new Map<string, Dim>();
  const broadcast: Shape[] = [];
  operands.forEach((labels, index) => {
    const { shape } = required(context, index);
    const extra = shape.length - (labels.length - Number(labels.includes(ELLIPSIS)));
    if (extra < 0 || (extra > 0 && !labels.includes(ELLIPSIS)))
      throw invalid(context, `operand ${index} has another rank than the equation says`);
    let axis = 0;
    for (const label of labels) {
      if (label === ELLIPSIS) broadcast.push(shape.slice(axis, axis + extra));
      else sizes.set(label, commonSize(context, label, sizes.get(label), shape[axis] as Dim));
      axis += label === ELLIPSIS ? extra : 1;
    }
  });
  const leading = broadcastShapes(broadcast);
  if (!leading) throw invalid(context, "the axes of the ellipses do not broadcast");
  const shape = result.flatMap((label): readonly Dim[] => {
    if (label === ELLIPSIS) return leading;
    const size = sizes.get(label);
    if (size === undefined) throw invalid(context, `the result's axis "${label}" is of no operand`);
    return [size];
  });
  return [{ type: required(context, 0).type, shape }];
};

function commonSize(context: ShapeContext, label: string, known: Dim | undefined, size: Dim): Dim {
  const common = known === undefined ? [size] : broadcastShapes([[known], [size]]);
  if (!common) throw invalid(context, `the axis "${label}" has the sizes ${known} and ${size}`);
  return common[0] as Dim;
}

export const einsumShapes: Readonly<Record<string, ShapeRule>> = { Einsum: einsum };
