import { int } from "../../graph/attributes.ts";
import type { Attributes, Value } from "../../graph/graph.ts";
import { int64 } from "../../graph/tensor.ts";
import type { GradientCase, TestInput } from "../finite-differences.ts";

/** One operator on inputs of the given shapes or kinds. */
export function operator(
  op: string,
  inputs: readonly (TestInput | readonly number[])[],
  attributes: Attributes = {},
  note = "",
): GradientCase {
  return {
    name: note ? `${op}, ${note}` : op,
    inputs: inputs.map((input) => ("shape" in input ? input : { shape: input })),
    build: (g, ...values) => g.emit(op, values, { attributes })[0] as Value,
  };
}

const positive: TestInput = { shape: [2, 3], range: [0.5, 2] };
/** Away from the integers, where a step would jump. */
const between: TestInput = { shape: [4], range: [1.2, 1.8] };
const distinct: TestInput = { shape: [3, 4], distinct: true };

const broadcasting = (op: string, divisor: TestInput["range"] = [-2, 2]): GradientCase[] => [
  operator(op, [[2, 3], { shape: [2, 3], range: divisor }]),
  operator(op, [[2, 1, 3], { shape: [4, 1], range: divisor }], {}, "both broadcast"),
  operator(op, [[3], { shape: [2, 3], range: divisor }], {}, "left of lower rank"),
  operator(op, [[2, 3], { shape: [], range: divisor }], {}, "right a scalar"),
];

export const elementwiseCases: readonly GradientCase[] = [
  ...broadcasting("Add"),
  ...broadcasting("Sub"),
  ...broadcasting("Mul"),
  ...broadcasting("Div", [0.5, 2]),
  operator("Pow", [positive, { shape: [3], range: [-1, 2] }]),
  { name: "Pow, squared", inputs: [{ shape: [2, 3] }], build: (g, x) => g.pow(x as Value, 2) },
  {
    name: "Pow, integer exponents, zero among them",
    inputs: [{ shape: [3] }],
    build: (g, x) => g.pow(x as Value, g.constant(int64([0, 1, 3]))),
  },
  ...[-1, -0.5, 0.5, 3, 1.5].map(
    (exponent): GradientCase => ({ name: `Pow, ${exponent}`, inputs: [positive], build: (g, x) => g.pow(x as Value, exponent) }),
  ),
  operator(
    "Mod",
    [
      { shape: [2, 3], range: [3.1, 3.9] },
      { shape: [3], range: [1.4, 1.5] },
    ],
    { fmod: int(1) },
  ),
  operator(
    "Mod",
    [
      { shape: [2, 3], range: [-3.9, -3.1] },
      { shape: [], range: [1.4, 1.5] },
    ],
    { fmod: int(1) },
    "of negative numbers",
  ),
  operator("Sum", [[2, 3], [3], [2, 1]]),
  operator("Mean", [[2, 3], [3], [2, 1]]),
  operator("Max", [distinct, { shape: [4], range: [-1.9, 2.1], distinct: true }, { shape: [3, 1], range: [-1.95, 2.05], distinct: true }]),
  operator("Min", [distinct, { shape: [4], range: [-1.9, 2.1], distinct: true }]),
  {
    name: "Where, broadcast both ways",
    inputs: [{ shape: [2, 1] }, { shape: [3] }],
    build: (g, yes, no) =>
      g.where(g.constant({ type: "bool", shape: [2, 3], data: Uint8Array.of(1, 0, 1, 0, 0, 1) }), yes as Value, no as Value),
  },
  {
    name: "Where on a condition that depends on the input",
    inputs: [distinct],
    build: (g, x) => g.where(g.greater(x as Value, 0), x as Value, g.mul(x as Value, 3)),
  },
  { name: "Clip", inputs: [distinct], build: (g, x) => g.clip(x as Value, -1, 1) },
  { name: "Clip, one bound", inputs: [distinct], build: (g, x) => g.clip(x as Value, undefined, 1) },
  operator("Clip", [distinct, { shape: [], range: [-1.05, -0.95] }, { shape: [], range: [0.95, 1.05] }], {}, "learnt bounds"),
  operator("Clip", [distinct, { shape: [], range: [0.95, 1.05] }, { shape: [], range: [0.45, 0.55] }], {}, "learnt bounds that cross"),
  {
    name: "Cast",
    inputs: [{ shape: [3] }],
    build: (g, x) => g.cast(g.mul(g.cast(g.identity(x as Value), "float64"), 3), (x as Value).type),
  },
  operator("Identity", [[3]]),
  operator("Neg", [[3]]),
  operator("Abs", [distinct]),
  operator("Exp", [[3]]),
  operator("Log", [positive]),
  operator("Sqrt", [positive]),
  operator("Reciprocal", [positive]),
  operator("Erf", [[4]]),
  operator("Sign", [distinct]),
  operator("Floor", [between]),
  operator("Ceil", [between]),
  operator("Round", [{ ...between, range: [0.6, 1.4] }]),
  ...["RandomNormalLike", "RandomUniformLike"].map(
    (op): GradientCase => ({
      name: `${op}, which depends on no element`,
      inputs: [{ shape: [3] }],
      build: (g, x) => g.add(g.mul(g.emit(op, [x])[0] as Value, 0), x as Value),
    }),
  ),
];
