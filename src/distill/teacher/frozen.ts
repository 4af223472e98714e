import type { Graph } from "../../graph/graph.ts";
import { foldConstants } from "../../graph/rewrite/fold.ts";
import { narrow } from "../../graph/rewrite/fuse/narrow.ts";

/**
 * A network that is not trained any more, in the form in which the runtime is fastest: what the runtime's own optimiser does not see is
 * rewritten, and what it fuses itself is left to it. Same outputs, same numbers but for the last bits.
 */
export function frozen(network: Graph): Graph {
  return narrow(foldConstants(network));
}
