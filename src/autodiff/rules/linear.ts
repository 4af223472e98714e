import { floatAttribute, intAttribute } from "../../graph/attributes.ts";
import type { GraphBuilder } from "../../graph/builder/builder.ts";
import type { Value } from "../../graph/graph.ts";
import { elementCount } from "../../graph/tensor.ts";
import { type GradientRule, type GradientRules, sizesOf } from "../rule.ts";

/** y = op(a)·op(b), scaled by alpha, where op transposes if asked. */
function productGradients(
  g: GraphBuilder,
  dy: Value,
  a: Value,
  b: Value,
  transposeA: boolean,
  transposeB: boolean,
  alpha = 1,
): [Value, Value] {
  if (a.shape.length === 1 || b.shape.length === 1) return vectorProductGradients(g, dy, a, b, alpha);
  // A matrix on the right of a batch: fold the batch into the rows, so that its gradient is one product instead of one per batch entry.
  if (b.shape.length === 2 && a.shape.length > 2 && !transposeA) {
    const rows = (x: Value) => g.reshape(x, [elementCount(sizesOf(x).slice(0, -1)), x.shape.at(-1) as number]);
    const [da, db] = productGradients(g, rows(dy), rows(a), b, false, transposeB, alpha);
    return [g.reshape(da, a.shape), db];
  }
  // y = a·b  =>  da = dy·bᵀ, db = aᵀ·dy; transposing an operand transposes its gradient
  const da = transposeA
    ? g.matMul(b, dy, { transposeA: transposeB, transposeB: true, alpha })
    : g.matMul(dy, b, { transposeB: !transposeB, alpha });
  const db = transposeB
    ? g.matMul(dy, a, { transposeA: true, transposeB: transposeA, alpha })
    : g.matMul(a, dy, { transposeA: !transposeA, alpha });
  return [g.sumTo(da, a), g.sumTo(db, b)];
}

/** A vector operand is a matrix of one row (left) or one column (right). */
function vectorProductGradients(g: GraphBuilder, dy: Value, a: Value, b: Value, alpha: number): [Value, Value] {
  const left = a.shape.length === 1 ? g.unsqueeze(a, [0]) : a;
  const right = b.shape.length === 1 ? g.unsqueeze(b, [1]) : b;
  const batch = dy.shape.slice(0, dy.shape.length - (a.shape.length > 1 ? 1 : 0) - (b.shape.length > 1 ? 1 : 0));
  const full = g.reshape(dy, [...batch, left.shape.at(-2) as number, right.shape.at(-1) as number]);
  const [da, db] = productGradients(g, full, left, right, false, false, alpha);
  return [g.reshape(da, a.shape), g.reshape(db, b.shape)];
}

const matMul: GradientRule = ({ g, inputs: [a, b], grads: [dy] }) => productGradients(g, dy as Value, a as Value, b as Value, false, false);

const fusedMatMul: GradientRule = ({ g, node, inputs: [a, b], grads: [dy] }) =>
  productGradients(
    g,
    dy as Value,
    a as Value,
    b as Value,
    intAttribute(node, "transA", 0) === 1,
    intAttribute(node, "transB", 0) === 1,
    floatAttribute(node, "alpha", 1),
  );

/** y = alpha·op(a)·op(b) + beta·c */
const gemm: GradientRule = ({ g, node, inputs: [a, b, c], grads: [dy] }) => {
  const grad = dy as Value;
  const beta = floatAttribute(node, "beta", 1);
  const [da, db] = productGradients(
    g,
    grad,
    a as Value,
    b as Value,
    intAttribute(node, "transA", 0) === 1,
    intAttribute(node, "transB", 0) === 1,
    floatAttribute(node, "alpha", 1),
  );
  const dc = c && g.sumTo(grad, c);
  return [da, db, dc && (beta === 1 ? dc : g.mul(dc, beta))];
};

export const linearRules: GradientRules = { MatMul: matMul, Gemm: gemm, "com.microsoft:FusedMatMul": fusedMatMul };
