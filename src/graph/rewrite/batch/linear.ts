import { intAttribute } from "../../attributes.ts";
import { einsumEquation } from "../../shapes/einsum.ts";
import { required } from "../../shapes/rule.ts";
import { alike, allOutputs, type BatchRule, broadcastSamples } from "./rule.ts";

/** Positions of a matrix's axes, counted from the end. */
const [COLUMNS, ROWS] = [1, 2];

/**
 * Samples may be matrices of a stack, rows of the left operand, or columns of the right one; after transposing, where that is asked for.
 */
const matMul: BatchRule = (context) => {
  const ranks = [0, 1].map((index) => required(context, index).shape.length) as [number, number];
  if (ranks.includes(1)) throw context.refusal("it multiplies with a vector");
  const fromEnd = (index: 0 | 1): number | undefined => {
    const samples = context.samples(index);
    return samples && ranks[index] - samples.axis;
  };
  const [left, right] = [fromEnd(0), fromEnd(1)];
  const isTransposed = (name: string) => intAttribute(context.node, name, 0) === 1;
  if (isTransposed("transBatchA") || isTransposed("transBatchB")) throw context.refusal("it transposes stacks of matrices");
  if (left === (isTransposed("transA") ? ROWS : COLUMNS) || right === (isTransposed("transB") ? COLUMNS : ROWS))
    throw context.refusal("it sums over the samples");
  const isStack = (left ?? 0) > ROWS || (right ?? 0) > ROWS;
  if (!isStack && left !== undefined && right !== undefined) throw context.refusal("it multiplies samples with samples");
  const place = broadcastSamples(context, isStack || left !== undefined ? [0, 1].filter((index) => isStack || index === 0) : [1]);
  const fromEndOfResult = isStack ? place.fromEnd : left === undefined ? COLUMNS : ROWS;
  return allOutputs(context, { ...place.samples, axis: Math.max(...ranks) - fromEndOfResult }, { inputs: place.inputs });
};

/** Samples may be rows of the left operand. */
const gemm: BatchRule = (context) => {
  const samples = context.samples(0);
  const rows = intAttribute(context.node, "transA", 0) ? 1 : 0;
  if (samples?.axis !== rows || context.samples(1)) throw context.refusal("samples are not the rows of its left operand alone");
  const onRows = { ...samples, axis: 0 };
  const bias = context.samples(2);
  const { shape = [] } = context.inputs[2] ?? {};
  if (bias && !(shape.length === 2 && bias.axis === 0 && alike(bias, samples)))
    throw context.refusal("its bias holds the batch along another axis");
  if (bias || shape.length < 2 || shape[0] === 1) return allOutputs(context, onRows);
  const [a = "", b = ""] = context.node.inputs;
  return allOutputs(context, onRows, { inputs: [a, b, context.repeated(2, onRows)] });
};

/** Samples along a letter that every operand that has it holds them along, and the result keeps. */
const einsum: BatchRule = (context) => {
  const { operands, result } = einsumEquation(context);
  const held = operands.flatMap((labels, index) => {
    const samples = context.samples(index);
    return samples ? [{ label: labels.includes("...") ? undefined : labels[samples.axis], samples }] : [];
  });
  const [first, ...others] = held;
  if (
    first?.label === undefined ||
    result.includes("...") ||
    others.some(({ label, samples }) => label !== first.label || !alike(samples, first.samples))
  )
    throw context.refusal("its operands hold the batch along different axes");
  if (operands.some((labels) => labels.indexOf(first.label as string) !== labels.lastIndexOf(first.label as string)))
    throw context.refusal("it compares samples");
  const axis = result.indexOf(first.label);
  if (axis < 0) throw context.refusal("it sums over the samples");
  const inputs = context.node.inputs.map((name, index) => {
    const own = operands[index]?.indexOf(first.label as string) ?? -1;
    return own < 0 || context.samples(index) ? name : context.repeated(index, { ...first.samples, axis: own });
  });
  return allOutputs(context, { ...first.samples, axis }, { inputs });
};

export const linearRules: Readonly<Record<string, BatchRule>> = {
  Einsum: einsum,
  Gemm: gemm,
  MatMul: matMul,
  "com.microsoft:FusedMatMul": matMul,
};
