import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { composite } from "./composite.ts";

/** x, which no gradient flows back from: a constant to the loss that it is part of. */
export function stopGradient(g: GraphBuilder, x: Value): Value {
  return composite(g, [x], () => ({ outputs: [g.identity(x)], rule: () => [undefined] }))[0] as Value;
}
