import { float, int } from "../../graph/attributes.ts";
import { MICROSOFT, type Value } from "../../graph/graph.ts";
import type { GradientCase } from "../finite-differences.ts";
import { operator } from "./elementwise.cases.ts";

const matMul = (a: readonly number[], b: readonly number[]): GradientCase => operator("MatMul", [a, b], {}, `[${a}] by [${b}]`);

const fused = (a: readonly number[], b: readonly number[], transA: number, transB: number): GradientCase => ({
  name: `FusedMatMul, [${a}]${transA ? "ᵀ" : ""} by [${b}]${transB ? "ᵀ" : ""}`,
  inputs: [{ shape: a }, { shape: b }],
  build: (g, ...inputs) =>
    g.emit("FusedMatMul", inputs, {
      domain: MICROSOFT,
      attributes: { transA: int(transA), transB: int(transB), alpha: float(0.5) },
    })[0] as Value,
});

const gemm = (a: readonly number[], b: readonly number[], c: readonly number[], transA: number, transB: number): GradientCase =>
  operator("Gemm", [a, b, c], { transA: int(transA), transB: int(transB), alpha: float(0.5), beta: float(2) }, `[${a}], [${b}], [${c}]`);

export const linearCases: readonly GradientCase[] = [
  matMul([2, 3], [3, 4]),
  matMul([2, 5, 3], [2, 3, 4]),
  matMul([2, 5, 3], [3, 4]),
  matMul([5, 3], [2, 3, 4]),
  matMul([2, 1, 5, 3], [3, 3, 4]),
  matMul([3], [3, 4]),
  matMul([3], [2, 3, 4]),
  matMul([2, 3], [3]),
  matMul([2, 5, 3], [3]),
  matMul([3], [3]),
  fused([2, 3], [3, 4], 0, 0),
  fused([3, 2], [3, 4], 1, 0),
  fused([2, 3], [4, 3], 0, 1),
  fused([3, 2], [4, 3], 1, 1),
  fused([2, 3, 2], [2, 4, 3], 1, 1),
  fused([2, 5, 3], [4, 3], 0, 1),
  fused([2, 3, 5], [3, 4], 1, 0),
  fused([3], [3, 4], 0, 0),
  operator(
    "Gemm",
    [
      [2, 3],
      [3, 4],
    ],
    {},
    "no bias",
  ),
  gemm([2, 3], [3, 4], [4], 0, 0),
  gemm([3, 2], [4, 3], [2, 1], 1, 1),
  gemm([3, 2], [3, 4], [], 1, 0),
  gemm([2, 3], [4, 3], [2, 4], 0, 1),
];
