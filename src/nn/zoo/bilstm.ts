import { int, string } from "../../graph/attributes.ts";
import type { Graph, Value } from "../../graph/graph.ts";
import { uniform } from "../initializers.ts";
import { LOGITS, type Network } from "../layers.ts";
import { ATTENTION_MASK, INPUT_IDS, type TextOptions, table, textNetwork, VOCABULARY } from "../text.ts";
import { dense, dropped } from "../torch-layers.ts";

export interface BilstmOptions extends TextOptions {
  readonly classes: number;
  /** Features of a word; 300 unless given. */
  readonly embedding?: number;
  /** Units of the LSTM in each direction; 150 unless given. */
  readonly units?: number;
  /** Units of the layer after it; 200 unless given. */
  readonly hidden?: number;
  /** Of what the LSTM gives and of the hidden layer, while training; 0 unless given. */
  readonly dropout?: number;
}

/**
 * One bidirectional LSTM over word vectors, of which the last state in each direction goes through a hidden layer with ReLU: the student
 * that Tang et al., 2019 (arXiv:1903.12136) distilled BERT into. `logits` [N, classes].
 *
 * Inputs: `input_ids` and `attention_mask`, int64 [N, S]; padding comes after the text. Hints: `embeddings` [N, S, D], `pooled`
 * [N, 2·units]. To be trained, the LSTM must be unrolled (`unrollRecurrent`), for a fixed S.
 */
export function bilstm(options: BilstmOptions): Graph {
  const { classes, vocabulary = VOCABULARY, embedding = 300, units = 150, hidden = 200, dropout = 0 } = options;
  return textNetwork(`bilstm-${embedding}-${units}-${hidden}`, options.seed, [INPUT_IDS, ATTENTION_MASK], (network, ids, mask) => {
    const { g, tap } = network;
    const words = tap("embeddings", g.gather(table(network, "embedding", vocabulary, embedding, uniform(0.25)), ids as Value, 0));
    const lengths = g.cast(g.reduceSum(mask as Value, { axes: [1] }), "int32");
    const last = tap("pooled", bidirectional(network, words, lengths, units));
    const features = g.relu(dense(network, "fc", dropped(network, last, dropout), hidden));
    return { [LOGITS]: dense(network, "classifier", dropped(network, features, dropout), classes) };
  });
}

/**
 * The last states of an LSTM (Hochreiter and Schmidhuber, 1997) that reads x [N, S, D] forwards and one that reads it backwards, [N,
 * 2·units].
 *
 * Weights are stored as PyTorch's nn.LSTM stores them and brought into ONNX's order of gates in the graph.
 *
 * @param lengths Number of tokens of each sample, int32 [N].
 */
function bidirectional(network: Network, x: Value, lengths: Value, units: number): Value {
  const { g } = network;
  const directions = ["", "_reverse"].map((suffix) => g.scope("lstm", () => weights(network, suffix, Number(x.shape[2]), units)));
  const [input, recurrent, bias] = [0, 1, 2].map((index) =>
    g.concat(
      directions.map((parts) => g.unsqueeze(parts[index] as Value, [0])),
      0,
    ),
  );
  const attributes = { direction: string("bidirectional"), hidden_size: int(units) };
  const [, last] = g.emit("LSTM", [g.transpose(x, [1, 0, 2]), input, recurrent, bias, lengths], { attributes, outputs: 3 });
  return g.reshape(g.transpose(last as Value, [1, 0, 2]), [x.shape[0] as string, 2 * units]);
}

/** Of one direction, in ONNX's order: for the input [4·units, D], for the state [4·units, units], and both biases [8·units]. */
function weights({ g, random }: Network, suffix: string, inputs: number, units: number): readonly [Value, Value, Value] {
  const init = uniform(1 / Math.sqrt(units));
  const stored = (name: string, shape: readonly number[]) => {
    // Gates i, f, g, o in PyTorch; i, o, f, c in ONNX, where c is what PyTorch calls g.
    const [i, f, c, o] = g.split(g.initializer(`${name}_l0${suffix}`, init(shape, random)), [units, units, units, units], 0);
    return g.concat([i, o, f, c] as Value[], 0);
  };
  const [input, recurrent] = [stored("weight_ih", [4 * units, inputs]), stored("weight_hh", [4 * units, units])];
  return [input, recurrent, g.concat([stored("bias_ih", [4 * units]), stored("bias_hh", [4 * units])], 0)];
}
