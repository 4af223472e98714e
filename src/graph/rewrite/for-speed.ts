import type { Graph } from "../graph.ts";
import { mergeCommonSubexpressions } from "./common-subexpressions.ts";
import { fuseProducts } from "./fuse-products.ts";
import { sparseRows } from "./sparse-rows.ts";

/**
 * The graph as ONNX Runtime's CPU kernels run it fastest: a training step, as it is compiled. What it computes stays the same up to
 * rounding.
 */
export function forSpeed(graph: Graph): Graph {
  return mergeCommonSubexpressions(sparseRows(fuseProducts(mergeCommonSubexpressions(graph))));
}
