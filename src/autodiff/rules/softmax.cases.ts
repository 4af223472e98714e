import { int } from "../../graph/attributes.ts";
import type { GradientCase } from "../finite-differences.ts";
import { operator } from "./elementwise.cases.ts";

export const softmaxCases: readonly GradientCase[] = [
  ...["Softmax", "LogSoftmax"].flatMap((op) => [
    operator(op, [[3, 4]]),
    operator(op, [[2, 3, 4]], { axis: int(1) }, "axis 1"),
    operator(op, [[2, 3, 4]], { axis: int(-3) }, "axis -3"),
  ]),
  operator("Hardmax", [{ shape: [2, 4], distinct: true }]),
];
