import type { Graph, Node } from "../graph.ts";
import { takeBranch } from "./control-flow/branch.ts";
import { unrollLoop } from "./control-flow/loop.ts";
import { foldSequence } from "./control-flow/sequence.ts";
import { startWalk } from "./control-flow/walk.ts";
import { pruneDead } from "./prune.ts";

/**
 * The graph without the control flow whose course is known before it runs, as far as constants and static shapes tell: of an If the branch
 * that is taken; of a Loop its body as often as it runs, up to 1024 times; of a sequence the tensors in it. Control flow within control
 * flow too. What can't be told stays as it is. Values keep their names, and those from inside get names that begin with their node's.
 *
 * @throws LimbeckError when a small file would become a graph larger than that of any real model.
 */
export function foldControlFlow(graph: Graph): Graph {
  if (!graph.nodes.some(isControlFlow)) return graph;
  const walk = startWalk(graph, [takeBranch, unrollLoop, foldSequence]);
  const nodes = walk.fold(graph.nodes);
  if (nodes.length === graph.nodes.length && nodes.every((node, index) => node === graph.nodes[index])) return graph;
  return pruneDead({ ...graph, nodes, initializers: walk.initializers });
}

function isControlFlow({ op, domain }: Node): boolean {
  return domain === "" && (op === "If" || op === "Loop" || op.includes("Sequence"));
}
