import { stopGradient } from "../autodiff/custom-gradients.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { kdLoss } from "./kd.ts";
import type { Temperature } from "./logits.ts";

/**
 * What a network learns from the peers that are trained beside it: deep mutual learning, Zhang, Xiang, Hospedales and Lu, 2018
 * (arXiv:1706.00384).
 *
 *     1/(K − 1)·Σ over the K − 1 peers of T²·KL(softmax(peer/T) ‖ softmax(own/T))
 *
 * with T = 1 in the paper, summed over classes and averaged over the batch. As in the paper, and unlike in the authors' TensorFlow code, the
 * sum is divided by the number of peers, and no gradient flows into a peer: it has a loss of its own.
 *
 * @param own [B, C] logits @param peers [B, C] logits each
 * @returns A scalar, in nats times T².
 */
export function mutualLoss(g: GraphBuilder, own: Value, peers: readonly Value[], temperature: Temperature): Value {
  const losses = peers.map((peer) => kdLoss(g, own, stopGradient(g, peer), temperature));
  return losses.length === 1 ? (losses[0] as Value) : g.div(g.sum(...losses), losses.length);
}
