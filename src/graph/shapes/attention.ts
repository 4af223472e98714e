import { intAttribute, intsAttribute } from "../attributes.ts";
import type { Dim, Value } from "../graph.ts";
import { invalid, likeInput, required, type ShapeContext, type ShapeRule } from "./rule.ts";
import { add, floorDivide, multiply } from "./symbolic.ts";

/** Queries, keys or values as [N, heads, S, size], whichever way they are laid out. */
interface Heads {
  readonly batch: Dim;
  readonly heads: Dim;
  readonly length: Dim;
  readonly size: Dim;
}

function headsOf(context: ShapeContext, index: number, attribute: string): Heads {
  const { shape } = required(context, index);
  if (shape.length === 4) {
    const [batch, heads, length, size] = shape as [Dim, Dim, Dim, Dim];
    return { batch, heads, length, size };
  }
  const heads = headCount(context, attribute);
  if (shape.length !== 3) throw invalid(context, "queries, keys and values must have rank 3 or 4");
  const [batch, length, hidden] = shape as [Dim, Dim, Dim];
  return { batch, heads, length, size: floorDivide(hidden, heads) };
}

function headCount(context: ShapeContext, attribute: string): number {
  const heads = intAttribute(context.node, attribute, 0);
  if (heads < 1) throw invalid(context, `${attribute} must be given`);
  return heads;
}

/** The length of an axis of earlier keys, 0 where none are given. */
const lengthOf = (past: Value | undefined, axis: number): Dim => past?.shape[axis] ?? 0;

/** ONNX's own, of opset 23: the result, the keys and values of all steps, the scores. */
const attention: ShapeRule = (context) => {
  const q = headsOf(context, 0, "q_num_heads");
  const k = headsOf(context, 1, "kv_num_heads");
  const v = headsOf(context, 2, "kv_num_heads");
  const { type, shape } = required(context, 0);
  const total = add(lengthOf(context.inputs[4], 2), k.length);
  const result = shape.length === 4 ? [q.batch, q.heads, q.length, v.size] : [q.batch, q.length, multiply(q.heads, v.size)];
  return [
    { type, shape: result },
    { type, shape: [k.batch, k.heads, total, k.size] },
    { type, shape: [v.batch, v.heads, total, v.size] },
    { type, shape: [q.batch, q.heads, q.length, total] },
  ];
};

/**
 * com.microsoft Attention: x [N, S, input] times weights [input, queries + keys + values]; the result [N, S, values], all keys and values.
 */
const fusedAttention: ShapeRule = (context) => {
  const [x, w] = [required(context, 0), required(context, 1)];
  const heads = headCount(context, "num_heads");
  if (x.shape.length !== 3 || w.shape.length !== 2) throw invalid(context, "it takes [N, S, input] and weights [input, output]");
  const [batch, length] = x.shape as [Dim, Dim];
  const hidden = intsAttribute(context.node, "qkv_hidden_sizes")?.[2] ?? floorDivide(w.shape[1] as Dim, 3);
  const total = add(lengthOf(context.inputs[4], 3), length);
  return [
    { type: x.type, shape: [batch, length, hidden] },
    { type: x.type, shape: [2, batch, heads, total, floorDivide(hidden, heads)] },
  ];
};

/** com.microsoft MultiHeadAttention: queries [N, S, hidden], keys and values apart, or packed into one [N, S, heads, 3, size]. */
const multiHeadAttention: ShapeRule = (context) => {
  const [query, key, value] = [required(context, 0), context.inputs[1], context.inputs[2]];
  const heads = headCount(context, "num_heads");
  const [batch, length] = query.shape as [Dim, Dim];
  if (query.shape.length === 5) return [{ type: query.type, shape: [batch, length, multiply(heads, query.shape[4] as Dim)] }];
  if (query.shape.length !== 3 || !key) throw invalid(context, "queries must be [N, S, hidden], keys and values beside them");
  // Packed keys and values [N, S, heads, 2, size]; or values [N, heads, S, size] as cross-attention keeps them.
  const size =
    key.shape.length === 5
      ? (key.shape[4] as Dim)
      : value?.shape.length === 4
        ? (value.shape[3] as Dim)
        : floorDivide((value ?? query).shape[2] as Dim, heads);
  const keyLength = key.shape.length === 4 ? (key.shape[2] as Dim) : (key.shape[1] as Dim);
  const total = add(lengthOf(context.inputs[6], 2), keyLength);
  const present = { type: query.type, shape: [batch, heads, total, size] };
  return [{ type: query.type, shape: [batch, length, multiply(heads, size)] }, present, present];
};

export const attentionShapes: Readonly<Record<string, ShapeRule>> = {
  Attention: attention,
  RotaryEmbedding: likeInput,
  "com.microsoft:Attention": fusedAttention,
  "com.microsoft:MultiHeadAttention": multiHeadAttention,
  "com.microsoft:RotaryEmbedding": likeInput,
};
