import type { Graph } from "../../../graph.ts";
import { type Decompositions, replaceNodes, taking } from "../replace.ts";
import { gruCell } from "./gru.ts";
import { unrolled } from "./layer.ts";
import { lstmCell } from "./lstm.ts";
import { rnnCell } from "./rnn.ts";

const decompositions: Decompositions = {
  LSTM: taking(3, unrolled(lstmCell)),
  GRU: taking(3, unrolled(gruCell)),
  RNN: taking(3, unrolled(rnnCell)),
};

/**
 * The graph with recurrent layers (LSTM, GRU, RNN) written out step by step, so that they can be differentiated. For training only: the
 * runtime's own layers are faster. All steps share one product of input and weight; each step has one product of its own with the state.
 *
 * @throws LimbeckError naming the layer whose sequence length is symbolic (the batch may be), or which runs over too many steps.
 */
export function unrollRecurrent(graph: Graph): Graph {
  return replaceNodes(graph, decompositions);
}
