import type { Graph, Value } from "../../graph/graph.ts";
import { uniform } from "../initializers.ts";
import { LOGITS, type Network } from "../layers.ts";
import { ATTENTION_MASK, INPUT_IDS, type TextOptions, table, textNetwork, VOCABULARY } from "../text.ts";
import { dense, dropped } from "../torch-layers.ts";

export interface TextCnnOptions extends TextOptions {
  readonly classes: number;
  /** Features of a word; 300 unless given. */
  readonly embedding?: number;
  /** Lengths of the convolutions' kernels, in words; 3, 4 and 5 unless given. */
  readonly windows?: readonly number[];
  /** Of each length; 100 unless given. */
  readonly filters?: number;
  /** Before the last layer, while training; 0.5 unless given. */
  readonly dropout?: number;
}

/**
 * Convolutions of several lengths over word vectors, each filter's largest answer, and a linear layer (Kim, 2014, arXiv:1408.5882, trained
 * word vectors): `logits` [N, classes]. Padding, and what lies before and after a text, is zeros.
 *
 * Inputs: `input_ids` and `attention_mask`, int64 [N, S]. Hints: `embeddings` [N, S, D], `pooled`.
 */
export function textCnn(options: TextCnnOptions): Graph {
  const { classes, vocabulary = VOCABULARY, embedding = 300, windows = [3, 4, 5], filters = 100, dropout = 0.5 } = options;
  const name = ["text-cnn", embedding, ...windows, filters].join("-");
  return textNetwork(name, options.seed, [INPUT_IDS, ATTENTION_MASK], (network, ids, mask) => {
    const { g, tap } = network;
    const words = g.gather(table(network, "embedding", vocabulary, embedding, EMBEDDING), ids as Value, 0);
    const known = tap("embeddings", g.mul(words, g.unsqueeze(g.cast(mask as Value, "float32"), [2])));
    const x = g.transpose(known, [0, 2, 1]);
    // Every filter meets a window of nothing but padding, so that it makes no difference how much of it a batch adds.
    const padding = Math.max(...windows);
    const found = windows.map((window, index) => strongest(network, `convs.${index}`, x, filters, window, padding));
    const features = dropped(network, tap("pooled", g.concat(found, 1)), dropout);
    return { [LOGITS]: dense(network, "fc", features, classes) };
  });
}

/** What Kim starts unknown words from. */
const EMBEDDING = uniform(0.25);

/** The largest answer of each filter to any window of x [N, D, S], rectified: [N, filters]. */
function strongest(network: Network, name: string, x: Value, filters: number, window: number, padding: number): Value {
  const { g, random } = network;
  return g.scope(name, () => {
    const bound = 1 / Math.sqrt(Number(x.shape[1]) * window);
    const weight = g.initializer("weight", uniform(bound)([filters, Number(x.shape[1]), window], random));
    const bias = g.initializer("bias", uniform(bound)([filters], random));
    return g.reduceMax(g.relu(g.conv(x, weight, bias, { padding })), { axes: [2] });
  });
}
