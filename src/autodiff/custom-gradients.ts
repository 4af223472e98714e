import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Operand } from "../graph/builder/emitter.ts";
import type { Value } from "../graph/graph.ts";
import { composite } from "./composite.ts";

// They hold for `backpropagate` in the builder they are emitted into; a graph that is built and then inlined elsewhere has lost them.

/** `x`, into which no gradient flows. */
export function stopGradient(g: GraphBuilder, x: Value): Value {
  return composite(g, [], () => ({ outputs: [g.identity(x)], rule: () => [] }))[0] as Value;
}

/**
 * `x`, with its gradient multiplied by −λ: gradient reversal (Ganin and Lempitsky, 2014, arXiv:1409.7495). What comes before climbs the loss
 * that what comes after descends.
 */
export function reverseGradient(g: GraphBuilder, x: Value, lambda: Operand): Value {
  const emit = () => ({
    outputs: [g.identity(x)],
    rule: ([dy]: readonly (Value | undefined)[]) => [dy && g.neg(g.mul(dy, lambda))],
  });
  return composite(g, [x], emit)[0] as Value;
}
