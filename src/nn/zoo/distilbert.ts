import type { Graph, Value } from "../../graph/graph.ts";
import { attention, INIT, paddingMask, tokenDense } from "../attention.ts";
import { constantInit } from "../initializers.ts";
import { LOGITS, type Network } from "../layers.ts";
import { ATTENTION_MASK, firstRows, firstToken, INPUT_IDS, type TextOptions, table, textNetwork, VOCABULARY } from "../text.ts";
import { dense, dropped, layerNorm } from "../torch-layers.ts";
import { type BertConfiguration, bertVariants } from "./bert.ts";

export interface DistilbertOptions extends TextOptions {
  /** Half of BERT-base's layers unless given. */
  readonly size?: BertConfiguration;
  readonly classes: number;
  /** The longest text; 512 unless given. */
  readonly positions?: number;
  /** While training; 0.1 unless given. */
  readonly dropout?: number;
  /** Before the last layer, while training; 0.2 unless given. */
  readonly classifierDropout?: number;
}

/** 66,362,880 parameters before the classifier. */
export const distilbertBase: BertConfiguration = { ...bertVariants["bert-base"], layers: 6 };

const EPSILON = 1e-12;

/**
 * DistilBERT that tells classes of texts apart (Sanh et al., 2019, arXiv:1910.01108; transformers' DistilBertForSequenceClassification):
 * `logits` [N, classes]. BERT without token types and pooler, and with a hidden layer in the classifier.
 *
 * Inputs: `input_ids` and `attention_mask`, int64 [N, S]. Hints: those of `bert`, and `pooled`, [N, H].
 */
export function distilbertClassifier(options: DistilbertOptions): Graph {
  const { size = distilbertBase, classes, classifierDropout = 0.2 } = options;
  return textNetwork(`distilbert-${size.layers}-${size.hidden}`, options.seed, [INPUT_IDS, ATTENTION_MASK], (network, ids, mask) => {
    const { g, tap } = network;
    const hidden = g.scope("distilbert", () => encoder(network, size, options, ids as Value, mask as Value));
    const linear = { init: INIT, biasInit: constantInit(0) };
    const pooled = tap("pooled", g.relu(dense(network, "pre_classifier", firstToken(g, hidden), size.hidden, linear)));
    return { [LOGITS]: dense(network, "classifier", dropped(network, pooled, classifierDropout), classes, linear) };
  });
}

function encoder(
  network: Network,
  size: BertConfiguration,
  { vocabulary = VOCABULARY, positions = 512, dropout = 0.1 }: DistilbertOptions,
  ids: Value,
  mask: Value,
): Value {
  const { g, tap } = network;
  const embedded = g.scope("embeddings", () => {
    const words = g.gather(table(network, "word_embeddings", vocabulary, size.hidden), ids, 0);
    const places = firstRows(g, table(network, "position_embeddings", positions, size.hidden), ids);
    return dropped(network, layerNorm(network, "LayerNorm", g.add(words, places), EPSILON), dropout);
  });
  const padding = paddingMask(g, mask);
  let hidden = tap("embeddings", embedded);
  for (let index = 0; index < size.layers; index++) {
    const name = `layer${index}`;
    hidden = tap(
      name,
      g.scope(`transformer.layer.${index}`, () => layer(network, hidden, padding, size, dropout, name)),
    );
  }
  return hidden;
}

/** BERT's layer under DistilBERT's names. */
function layer(
  network: Network,
  x: Value,
  mask: Value,
  { hidden, heads, intermediate }: BertConfiguration,
  dropout: number,
  name: string,
): Value {
  const { g } = network;
  const attended = g.scope("attention", () => {
    const [query, key, value] = ["q_lin", "k_lin", "v_lin"].map((part) => tokenDense(network, part, x, hidden)) as [Value, Value, Value];
    return tokenDense(network, "out_lin", attention(network, query, key, value, { heads, mask, dropout, name }), hidden);
  });
  const middle = layerNorm(network, "sa_layer_norm", g.add(attended, x), EPSILON);
  const changed = g.scope("ffn", () => tokenDense(network, "lin2", g.gelu(tokenDense(network, "lin1", middle, intermediate)), hidden));
  return layerNorm(network, "output_layer_norm", g.add(dropped(network, changed, dropout), middle), EPSILON);
}
