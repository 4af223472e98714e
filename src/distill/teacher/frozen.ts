import { LimbeckError } from "../../errors.ts";
import type { Graph } from "../../graph/graph.ts";
import { canonicalize } from "../../graph/rewrite/canonicalize.ts";
import { foldConstants } from "../../graph/rewrite/fold.ts";
import { narrow } from "../../graph/rewrite/fuse/narrow.ts";

/**
 * A network that is not trained any more, in the form in which the runtime is fastest: what the runtime's own optimiser does not see is
 * rewritten, and what it fuses itself is left to it. Same outputs, same numbers but for the last bits.
 *
 * @returns The same graph where there is nothing to win.
 */
export function frozen(network: Graph): Graph {
  const plain = plainForm(network);
  if (!plain) return network;
  const narrowed = narrow(plain);
  return narrowed === plain ? network : narrowed;
}

/** In the operators that rewrites know; `undefined` if it can't be said in them: it need only run. */
function plainForm(network: Graph): Graph | undefined {
  // Operators that an exporter fused would be taken apart, and not be fused again.
  if (network.nodes.some(({ domain }) => domain !== "")) return undefined;
  try {
    return foldConstants(canonicalize(network));
  } catch (error) {
    if (error instanceof LimbeckError) return undefined;
    throw error;
  }
}
