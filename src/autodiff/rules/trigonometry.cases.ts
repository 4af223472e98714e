import type { GradientCase } from "../finite-differences.ts";
import { operator } from "./elementwise.cases.ts";

export const trigonometryCases: readonly GradientCase[] = [
  ...["Sin", "Cos", "Atan", "Sinh", "Cosh", "Asinh"].map((op) => operator(op, [[2, 3]])),
  ...["Tan", "Asin", "Acos", "Atanh"].map((op) => operator(op, [{ shape: [2, 3], range: [-0.8, 0.8] }])),
  operator("Acosh", [{ shape: [2, 3], range: [1.3, 3] }]),
];
