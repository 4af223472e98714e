import type { Graph, Value } from "../../graph/graph.ts";
import { attention, INIT, paddingMask, tokenDense } from "../attention.ts";
import { constantInit } from "../initializers.ts";
import { LOGITS, type Network } from "../layers.ts";
import {
  ATTENTION_MASK,
  type EmbeddingOptions,
  firstRows,
  firstToken,
  INPUT_IDS,
  LAST_HIDDEN_STATE,
  MASKED_LM,
  SENTENCE_EMBEDDING,
  sentenceEmbedding,
  type TextOptions,
  table,
  textNetwork,
  VOCABULARY,
  wordScores,
} from "../text.ts";
import { dense, dropped, layerNorm } from "../torch-layers.ts";
import { type BertConfiguration, bertVariants } from "./bert.ts";

export interface DistilbertOptions extends TextOptions {
  /** Half of BERT-base's layers unless given. */
  readonly size?: BertConfiguration;
  /** The longest text; 512 unless given. */
  readonly positions?: number;
  /** While training; 0.1 unless given. */
  readonly dropout?: number;
  /** Of attention probabilities, while training; as `dropout` unless given. */
  readonly attentionDropout?: number;
}

export interface DistilbertClassifierOptions extends DistilbertOptions {
  readonly classes: number;
  /** Before the last layer, while training; 0.2 unless given. */
  readonly classifierDropout?: number;
  /** Whether it also guesses masked words, as `distilbertMaskedLm` does: `mlm` [N, S, vocabulary], its second output. */
  readonly maskedLm?: boolean;
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
export function distilbertClassifier(options: DistilbertClassifierOptions): Graph {
  const { size = distilbertBase, classes, classifierDropout = 0.2 } = options;
  return distilbertNetwork(options, (network, ids, mask) => {
    const { g, tap } = network;
    const encoded = g.scope("distilbert", () => encoder(network, options, ids, mask));
    const linear = { init: INIT, biasInit: constantInit(0) };
    const pooled = tap("pooled", g.relu(dense(network, "pre_classifier", firstToken(g, encoded.hidden), size.hidden, linear)));
    const logits = dense(network, "classifier", dropped(network, pooled, classifierDropout), classes, linear);
    return { [LOGITS]: logits, ...(options.maskedLm && { [MASKED_LM]: guesses(network, encoded) }) };
  });
}

/**
 * DistilBERT that guesses masked words (transformers' DistilBertForMaskedLM): `logits` [N, S, vocabulary], by products with the word
 * embeddings, which are one weight with those of the input.
 */
export function distilbertMaskedLm(options: DistilbertOptions): Graph {
  return distilbertNetwork(options, (network, ids, mask) => ({
    [LOGITS]: guesses(
      network,
      network.g.scope("distilbert", () => encoder(network, options, ids, mask)),
    ),
  }));
}

function guesses(network: Network, { hidden, words }: Encoded): Value {
  const { g } = network;
  const changed = g.gelu(tokenDense(network, "vocab_transform", hidden, Number(hidden.shape.at(-1))));
  return wordScores(network, layerNorm(network, "vocab_layer_norm", changed, EPSILON), words, "vocab_projector.bias");
}

/** DistilBERT without a head (transformers' DistilBertModel): `last_hidden_state` [N, S, H]. */
export function distilbert(options: DistilbertOptions): Graph {
  return distilbertNetwork(options, (network, ids, mask) => ({
    [LAST_HIDDEN_STATE]: encoder(network, options, ids, mask).hidden,
  }));
}

/** DistilBERT that gives each text a vector: `sentence_embedding` [N, H], and `last_hidden_state` [N, S, H], of which it is made. */
export function distilbertEmbedder(options: DistilbertOptions & EmbeddingOptions): Graph {
  return distilbertNetwork(options, (network, ids, mask) => {
    const { hidden } = encoder(network, options, ids, mask);
    return { [SENTENCE_EMBEDDING]: sentenceEmbedding(network, hidden, mask, options), [LAST_HIDDEN_STATE]: hidden };
  });
}

function distilbertNetwork(
  { size = distilbertBase, seed }: DistilbertOptions,
  body: (network: Network, ids: Value, mask: Value) => Readonly<Record<string, Value>>,
): Graph {
  return textNetwork(`distilbert-${size.layers}-${size.hidden}`, seed, [INPUT_IDS, ATTENTION_MASK], (network, ids, mask) =>
    body(network, ids as Value, mask as Value),
  );
}

/** What the last layer gives, [N, S, H], and the word embeddings. */
interface Encoded {
  readonly hidden: Value;
  readonly words: Value;
}

function encoder(network: Network, options: DistilbertOptions, ids: Value, mask: Value): Encoded {
  const { size = distilbertBase, vocabulary = VOCABULARY, positions = 512, dropout = 0.1, attentionDropout = dropout } = options;
  const { g, tap } = network;
  const { embedded, words } = g.scope("embeddings", () => {
    const words = table(network, "word_embeddings", vocabulary, size.hidden);
    const places = firstRows(g, table(network, "position_embeddings", positions, size.hidden), ids);
    const sum = g.add(g.gather(words, ids, 0), places);
    return { embedded: dropped(network, layerNorm(network, "LayerNorm", sum, EPSILON), dropout), words };
  });
  const padding = paddingMask(g, mask);
  let hidden = tap("embeddings", embedded);
  for (let index = 0; index < size.layers; index++) {
    const name = `layer${index}`;
    hidden = tap(
      name,
      g.scope(`transformer.layer.${index}`, () => layer(network, hidden, padding, size, { dropout, attentionDropout }, name)),
    );
  }
  return { hidden, words };
}

/** BERT's layer under DistilBERT's names. */
function layer(
  network: Network,
  x: Value,
  mask: Value,
  { hidden, heads, intermediate }: BertConfiguration,
  { dropout, attentionDropout }: { readonly dropout: number; readonly attentionDropout: number },
  name: string,
): Value {
  const { g } = network;
  const attended = g.scope("attention", () => {
    const [query, key, value] = ["q_lin", "k_lin", "v_lin"].map((part) => tokenDense(network, part, x, hidden)) as [Value, Value, Value];
    return tokenDense(network, "out_lin", attention(network, query, key, value, { heads, mask, dropout: attentionDropout, name }), hidden);
  });
  const middle = layerNorm(network, "sa_layer_norm", g.add(attended, x), EPSILON);
  const changed = g.scope("ffn", () => tokenDense(network, "lin2", g.gelu(tokenDense(network, "lin1", middle, intermediate)), hidden));
  return layerNorm(network, "output_layer_norm", g.add(dropped(network, changed, dropout), middle), EPSILON);
}
