import { float, string } from "../../graph/attributes.ts";
import type { GradientCase, TestInput } from "../finite-differences.ts";
import { operator } from "./elementwise.cases.ts";

/** Both sides of 0, and not at it. */
const x: TestInput = { shape: [2, 10], distinct: true };
const wide: TestInput = { shape: [24], range: [-5.1, 5.1], distinct: true };

export const activationCases: readonly GradientCase[] = [
  operator("Relu", [x]),
  operator("LeakyRelu", [x]),
  operator("LeakyRelu", [x], { alpha: float(0.2) }, "alpha"),
  operator("PRelu", [x, [10]]),
  operator("PRelu", [{ shape: [2, 3, 4], distinct: true }, [3, 1]], {}, "a slope per channel"),
  operator("Elu", [x]),
  operator("Elu", [x], { alpha: float(0.5) }, "alpha"),
  operator("Selu", [x]),
  operator("Celu", [x], { alpha: float(0.5) }),
  operator("ThresholdedRelu", [x], { alpha: float(0.35) }),
  { ...operator("Shrink", [x], { lambd: float(0.65), bias: float(0.3) }), onlyFloat32: true },
  operator("Sigmoid", [x]),
  operator("HardSigmoid", [wide]),
  operator("HardSigmoid", [wide], { alpha: float(1 / 6) }, "alpha"),
  operator("Tanh", [x]),
  operator("Softplus", [x]),
  operator("Softsign", [x]),
  operator("Mish", [x]),
  operator("Gelu", [x]),
  operator("Gelu", [wide], { approximate: string("tanh") }, "by tanh"),
  operator("HardSwish", [wide]),
];
