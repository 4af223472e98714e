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
  TOKEN_TYPE_IDS,
  table,
  textNetwork,
  VOCABULARY,
  wordScores,
} from "../text.ts";
import { dense, dropped, layerNorm } from "../torch-layers.ts";

export interface BertConfiguration {
  /** Number of layers, L. */
  readonly layers: number;
  /** Features of a token, H. */
  readonly hidden: number;
  readonly heads: number;
  /** Features between the two linear layers that follow attention. */
  readonly intermediate: number;
}

/**
 * BERT-base (Devlin et al., 2018, arXiv:1810.04805); the smaller ones of Turc et al., 2019 (arXiv:1908.08962); the students of TinyBERT
 * (Jiao et al., 2019, arXiv:1909.10351) and MiniLM (Wang et al., 2020, arXiv:2002.10957). Parameters without a head, from the top:
 * 4,385,920, 11,170,560, 28,763,648, 41,373,184, 109,482,240, 14,350,248 and 22,713,216.
 */
export const bertVariants = {
  "bert-tiny": { layers: 2, hidden: 128, heads: 2, intermediate: 512 },
  "bert-mini": { layers: 4, hidden: 256, heads: 4, intermediate: 1024 },
  "bert-small": { layers: 4, hidden: 512, heads: 8, intermediate: 2048 },
  "bert-medium": { layers: 8, hidden: 512, heads: 8, intermediate: 2048 },
  "bert-base": { layers: 12, hidden: 768, heads: 12, intermediate: 3072 },
  "tinybert-4": { layers: 4, hidden: 312, heads: 12, intermediate: 1200 },
  "minilm-6-384": { layers: 6, hidden: 384, heads: 12, intermediate: 1536 },
} as const satisfies Readonly<Record<string, BertConfiguration>>;

/** A variant by name, or one of any depth and width. */
export type BertVariant = keyof typeof bertVariants | BertConfiguration;

export interface BertOptions extends TextOptions {
  /** The longest text; 512 unless given. */
  readonly positions?: number;
  /** Number of different token types; 2 unless given. */
  readonly types?: number;
  /** While training; 0.1 unless given. */
  readonly dropout?: number;
  /** Of attention probabilities, while training; as `dropout` unless given. */
  readonly attentionDropout?: number;
  /** Added to variances where layers are normalised; 1e-12 unless given. */
  readonly epsilon?: number;
}

export interface BertClassifierOptions extends BertOptions {
  readonly classes: number;
  /** Before the last layer, while training; as `dropout` unless given. */
  readonly classifierDropout?: number;
  /** Whether it also guesses masked words, as `bertMaskedLm` does: `mlm` [N, S, vocabulary], its second output. */
  readonly maskedLm?: boolean;
}

const INPUTS = [INPUT_IDS, ATTENTION_MASK, TOKEN_TYPE_IDS];

type Configuration = BertConfiguration & Required<Omit<BertOptions, "seed">>;

function configured(
  variant: BertVariant,
  { vocabulary = VOCABULARY, positions = 512, types = 2, dropout = 0.1, attentionDropout = dropout, epsilon = 1e-12 }: BertOptions,
): Configuration {
  const size = typeof variant === "string" ? bertVariants[variant] : variant;
  return { ...size, vocabulary, positions, types, dropout, attentionDropout, epsilon };
}

/** `bert-2-128` for L = 2 and H = 128. */
const nameOf = (variant: BertVariant): string => (typeof variant === "string" ? variant : `bert-${variant.layers}-${variant.hidden}`);

/**
 * BERT without a head (transformers' BertModel): `last_hidden_state` [N, S, H] and, unless `pooler` is `false`, `pooler_output` [N, H].
 *
 * Inputs: `input_ids`, `attention_mask` and `token_type_ids`, int64 [N, S]. Hints: `embeddings`, `layer0`, `layer1`, ... [N, S, H], and of
 * each layer's attention `layer0.query`, `.key`, `.value` [N, S, H], `.scores` (with the mask added) and `.probabilities` [N, heads, S, S].
 */
export function bert(variant: BertVariant, options: BertOptions & { readonly pooler?: boolean }): Graph {
  const configuration = configured(variant, options);
  return textNetwork(nameOf(variant), options.seed, INPUTS, (network, ...inputs) => {
    const { hidden } = encoder(network, configuration, inputs);
    return { [LAST_HIDDEN_STATE]: hidden, ...(options.pooler !== false && { pooler_output: pooler(network, hidden) }) };
  });
}

/** BERT that gives each text a vector: `sentence_embedding` [N, H], and `last_hidden_state` [N, S, H], of which it is made. */
export function bertEmbedder(variant: BertVariant, options: BertOptions & EmbeddingOptions): Graph {
  const configuration = configured(variant, options);
  return textNetwork(nameOf(variant), options.seed, INPUTS, (network, ...inputs) => {
    const { hidden } = encoder(network, configuration, inputs);
    return { [SENTENCE_EMBEDDING]: sentenceEmbedding(network, hidden, inputs[1] as Value, options), [LAST_HIDDEN_STATE]: hidden };
  });
}

/** BERT that tells classes of texts, or of pairs of texts, apart (transformers' BertForSequenceClassification): `logits` [N, classes]. */
export function bertClassifier(variant: BertVariant, options: BertClassifierOptions): Graph {
  const configuration = configured(variant, options);
  return textNetwork(nameOf(variant), options.seed, INPUTS, (network, ...inputs) => {
    const [encoded, pooled] = network.g.scope("bert", () => {
      const found = encoder(network, configuration, inputs);
      return [found, pooler(network, found.hidden)] as const;
    });
    const features = dropped(network, network.tap("pooled", pooled), options.classifierDropout ?? configuration.dropout);
    const logits = dense(network, "classifier", features, options.classes, ZERO_BIAS);
    return { [LOGITS]: logits, ...(options.maskedLm && { [MASKED_LM]: guesses(network, configuration, encoded) }) };
  });
}

/**
 * BERT that guesses masked words (transformers' BertForMaskedLM): `logits` [N, S, vocabulary], by products with the word embeddings, which
 * are one weight with those of the input.
 */
export function bertMaskedLm(variant: BertVariant, options: BertOptions): Graph {
  const configuration = configured(variant, options);
  return textNetwork(nameOf(variant), options.seed, INPUTS, (network, ...inputs) => {
    const encoded = network.g.scope("bert", () => encoder(network, configuration, inputs));
    return { [LOGITS]: guesses(network, configuration, encoded) };
  });
}

/** [N, S, vocabulary] */
function guesses(network: Network, { hidden, epsilon }: Configuration, encoded: Encoded): Value {
  const { g } = network;
  return g.scope("cls.predictions", () => {
    const guess = g.scope("transform", () =>
      layerNorm(network, "LayerNorm", g.gelu(tokenDense(network, "dense", encoded.hidden, hidden)), epsilon),
    );
    return wordScores(network, guess, encoded.words, "bias");
  });
}

const ZERO_BIAS = { init: INIT, biasInit: constantInit(0) };

/** What the last layer gives, [N, S, H], and the word embeddings. */
interface Encoded {
  readonly hidden: Value;
  readonly words: Value;
}

function encoder(network: Network, configuration: Configuration, [ids, mask, types]: readonly Value[]): Encoded {
  const { g, tap } = network;
  const { embedded, words } = g.scope("embeddings", () => embeddings(network, configuration, ids as Value, types as Value));
  const padding = paddingMask(g, mask as Value);
  let hidden = tap("embeddings", embedded);
  for (let index = 0; index < configuration.layers; index++) {
    const name = `layer${index}`;
    hidden = tap(
      name,
      g.scope(`encoder.layer.${index}`, () => layer(network, hidden, padding, configuration, name)),
    );
  }
  return { hidden, words };
}

function embeddings(network: Network, configuration: Configuration, ids: Value, typeIds: Value) {
  const { vocabulary, positions, types, hidden, dropout, epsilon } = configuration;
  const { g } = network;
  const words = table(network, "word_embeddings", vocabulary, hidden);
  const places = firstRows(g, table(network, "position_embeddings", positions, hidden), ids);
  const kinds = g.gather(table(network, "token_type_embeddings", types, hidden), typeIds, 0);
  const sum = g.add(g.add(g.gather(words, ids, 0), kinds), places);
  return { embedded: dropped(network, layerNorm(network, "LayerNorm", sum, epsilon), dropout), words };
}

/** Attention, then two linear layers for each token; what goes in is added to what comes out of each, and the sum normalised. */
function layer(network: Network, x: Value, mask: Value, configuration: Configuration, name: string): Value {
  const { g } = network;
  const { hidden, heads, intermediate, dropout, attentionDropout, epsilon } = configuration;
  const added = (before: Value, change: Value): Value =>
    g.scope("output", () => {
      const y = dropped(network, tokenDense(network, "dense", change, hidden), dropout);
      return layerNorm(network, "LayerNorm", g.add(y, before), epsilon);
    });
  const attended = g.scope("attention", () => {
    const mixed = g.scope("self", () => {
      const [query, key, value] = ["query", "key", "value"].map((part) => tokenDense(network, part, x, hidden)) as [Value, Value, Value];
      return attention(network, query, key, value, { heads, mask, dropout: attentionDropout, name });
    });
    return added(x, mixed);
  });
  return added(attended, g.gelu(g.scope("intermediate", () => tokenDense(network, "dense", attended, intermediate))));
}

/** tanh of a linear layer of the first token. */
function pooler(network: Network, hidden: Value): Value {
  const { g } = network;
  return g.tanh(g.scope("pooler", () => dense(network, "dense", firstToken(g, hidden), Number(hidden.shape.at(-1)), ZERO_BIAS)));
}
