import type { GraphBuilder } from "../../graph/builder/builder.ts";
import type { Value } from "../../graph/graph.ts";
import type { GradientRules } from "../rule.ts";
import { pointwise } from "./elementwise.ts";

/** √(x² + shift) */
const root = (g: GraphBuilder, x: Value, shift: number): Value => g.sqrt(g.add(g.mul(x, x), shift));

/** √(1 - x²) */
const coroot = (g: GraphBuilder, x: Value): Value => g.sqrt(g.sub(1, g.mul(x, x)));

/** Circular and hyperbolic functions and their inverses; tanh is with the activations. */
export const trigonometryRules: GradientRules = {
  Sin: pointwise((g, dy, x) => g.mul(dy, g.cos(x))),
  Cos: pointwise((g, dy, x) => g.neg(g.mul(dy, g.sin(x)))),
  // y = tan x  =>  dx = dy·(1 + y²)
  Tan: pointwise((g, dy, _, y) => g.mul(dy, g.add(g.mul(y, y), 1))),
  Asin: pointwise((g, dy, x) => g.div(dy, coroot(g, x))),
  Acos: pointwise((g, dy, x) => g.neg(g.div(dy, coroot(g, x)))),
  Atan: pointwise((g, dy, x) => g.div(dy, g.add(g.mul(x, x), 1))),
  Sinh: pointwise((g, dy, x) => g.mul(dy, g.emit("Cosh", [x])[0] as Value)),
  Cosh: pointwise((g, dy, x) => g.mul(dy, g.emit("Sinh", [x])[0] as Value)),
  Asinh: pointwise((g, dy, x) => g.div(dy, root(g, x, 1))),
  Acosh: pointwise((g, dy, x) => g.div(dy, root(g, x, -1))),
  Atanh: pointwise((g, dy, x) => g.div(dy, g.sub(1, g.mul(x, x)))),
};
