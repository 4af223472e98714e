import { int } from "../graph/attributes.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { int64 } from "../graph/tensor.ts";
import type { Random } from "../random.ts";
import { INIT } from "./attention.ts";
import { constantInit, type Initializer } from "./initializers.ts";
import { BATCH, buildNetwork, type Network } from "./layers.ts";

// What networks of text share. Text is int64 [N, S]: N samples of S tokens, the shorter ones padded.

/** Symbolic number of tokens of a sample. */
export const SEQUENCE = "S";

// Names of the inputs, those that Hugging Face's tokenisers give.

/** Numbers of the tokens in the vocabulary. */
export const INPUT_IDS = "input_ids";
/** 1 for tokens, 0 for padding. */
export const ATTENTION_MASK = "attention_mask";
/** 0 for the first text of a pair, 1 for the second. */
export const TOKEN_TYPE_IDS = "token_type_ids";

// Names of outputs of encoders, those that transformers and sentence-transformers give.

/** Of each token, [N, S, D]. */
export const LAST_HIDDEN_STATE = "last_hidden_state";
/** Of each token, scores of the words that may stand there, [N, S, vocabulary]: of a network that does more than guess words. */
export const MASKED_LM = "mlm";
/** Of each text, [N, D]. */
export const SENTENCE_EMBEDDING = "sentence_embedding";

/** What every network of text takes. */
export interface TextOptions {
  /** Number of different tokens; 30,522 (BERT's, uncased) unless given. */
  readonly vocabulary?: number;
  /** Of the initial weights, or what they are drawn from. */
  readonly seed: number | Random;
}

/** Of BERT, uncased. */
export const VOCABULARY = 30_522;

/**
 * Builds a network of text, with PyTorch's names.
 *
 * @param inputs Names of its inputs, [N, S] each.
 * @param body Gives the outputs by name.
 */
export function textNetwork(
  name: string,
  seed: number | Random,
  inputs: readonly string[],
  body: (network: Network, ...inputs: readonly Value[]) => Readonly<Record<string, Value>>,
): Graph {
  const build = (network: Network) => body(network, ...inputs.map((input) => network.g.input(input, "int64", [BATCH, SEQUENCE])));
  return buildNetwork(name, seed, build, { separator: "." });
}

/** A table of `count` vectors of `size` numbers, named NAME.weight. */
export function table({ g, random }: Network, name: string, count: number, size: number, init: Initializer = INIT): Value {
  return g.scope(name, () => g.initializer("weight", init([count, size], random)));
}

/**
 * Scores of the words that may stand at each token: products with the word embeddings, which are one weight with those that are read, and a
 * bias.
 *
 * @param x [N, S, D] @param words [vocabulary, D] @param bias What the bias is called. @returns [N, S, vocabulary]
 */
export function wordScores({ g, random }: Network, x: Value, words: Value, bias: string): Value {
  return g.add(g.matMul(x, g.transpose(words, [1, 0])), g.initializer(bias, constantInit(0)([Number(words.shape[0])], random)));
}

/** The first rows of a table [P, D], one for each of the S tokens of ids [N, S]. S must be at most P. */
export function firstRows(g: GraphBuilder, rows: Value, ids: Value): Value {
  const count = g.emit("Shape", [ids], { attributes: { start: int(1), end: int(2) } })[0];
  const zero = g.constant(int64([0]));
  return g.emit("Slice", [rows, zero, count, zero])[0] as Value;
}

export interface EmbeddingOptions {
  /** Of what each text's vector is made: the mean of its tokens, padding aside, unless it is the first token. */
  readonly pooling?: "mean" | "cls";
  /** To length 1; so unless `false`. */
  readonly normalize?: boolean;
}

/**
 * One vector for each text, as Sentence-BERT has it (Reimers and Gurevych, 2019, arXiv:1908.10084; the modules Pooling and Normalize of
 * sentence-transformers).
 *
 * @param hidden What an encoder gives, [N, S, D].
 * @param mask [N, S], 1 for tokens and 0 for padding.
 * @returns [N, D]
 */
export function sentenceEmbedding(
  { g }: Network,
  hidden: Value,
  mask: Value,
  { pooling = "mean", normalize = true }: EmbeddingOptions = {},
): Value {
  const weights = g.unsqueeze(g.cast(mask, "float32"), [2]);
  const mean = () => g.div(g.reduceSum(g.mul(hidden, weights), { axes: [1] }), g.max(g.reduceSum(weights, { axes: [1] }), 1e-9));
  const pooled = pooling === "mean" ? mean() : firstToken(g, hidden);
  return normalize ? g.div(pooled, g.sqrt(g.max(g.reduceSumSquare(pooled, { axes: [1], keepDims: true }), 1e-24))) : pooled;
}

/** The first token of each sample: x [N, S, D] gives [N, D]. */
export function firstToken(g: GraphBuilder, x: Value): Value {
  return g.gather(x, g.scalar(0, "int64"), 1);
}
