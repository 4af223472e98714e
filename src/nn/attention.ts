import { LimbeckError } from "../errors.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { int64 } from "../graph/tensor.ts";
import { constantInit, normal } from "./initializers.ts";
import type { LinearOptions, Network } from "./layers.ts";
import { dropped } from "./torch-layers.ts";

// Parts of transformers. Tokens are [N, S, D]: samples, positions, features; N and S may be symbolic.

/** What weights and embeddings of transformers start from: normal with standard deviation 0.02 (BERT, ViT). Biases start at 0. */
export const INIT = normal(0.02);

/**
 * y = x·Wᵀ + b for each token, with weight [outputs, D] and bias [outputs] under `name`.
 *
 * The weight is transposed in the graph, so that it is stored as PyTorch stores it; what exporters write is the same with the transpose
 * computed. A training step multiplies by the weight as it is stored (`fuseProducts`).
 */
export function tokenDense(
  { g, random }: Network,
  name: string,
  x: Value,
  outputs: number,
  { bias = true, init = INIT, biasInit = constantInit(0) }: LinearOptions = {},
): Value {
  return g.scope(name, () => {
    const weight = g.initializer("weight", init([outputs, Number(x.shape.at(-1))], random));
    const product = g.matMul(x, g.transpose(weight, [1, 0]));
    return bias ? g.add(product, g.initializer("bias", biasInit([outputs], random))) : product;
  });
}

export interface AttentionOptions {
  /** Number of heads; it divides the features of a token. */
  readonly heads: number;
  /** Added to the scores, [N, 1, 1, S]. */
  readonly mask?: Value;
  /** Of attention probabilities, while training; 0 unless given. */
  readonly dropout?: number;
  /** Of the values that hints may ask for: NAME.query, NAME.key, NAME.value [N, S, D], NAME.scores, NAME.probabilities [N, heads, S, S]. */
  readonly name: string;
}

/**
 * Scaled dot-product attention (Vaswani et al., 2017, arXiv:1706.03762): softmax(q·kᵀ/√d + mask)·v in each head, where d is the features of
 * one.
 *
 * @param query [N, S, D], as are `key` and `value`.
 */
export function attention(
  network: Network,
  query: Value,
  key: Value,
  value: Value,
  { heads, mask, dropout = 0, name }: AttentionOptions,
): Value {
  const { g, tap } = network;
  const features = Number(query.shape.at(-1));
  if (features % heads !== 0) {
    throw new LimbeckError(`${features} features can't be shared out among ${heads} heads of attention.`, {
      hint: "Give a number of heads that divides the features.",
    });
  }
  tap(`${name}.query`, query);
  tap(`${name}.key`, key);
  tap(`${name}.value`, value);
  const byHead = (x: Value, order: readonly number[]) => g.transpose(withLast(g, x, [heads, features / heads]), order);
  const scaled = g.mul(query, 1 / Math.sqrt(features / heads));
  const product = g.matMul(byHead(scaled, [0, 2, 1, 3]), byHead(key, [0, 2, 3, 1]));
  const scores = tap(`${name}.scores`, mask ? g.add(product, mask) : product);
  const probabilities = tap(`${name}.probabilities`, g.softmax(scores));
  const mixed = g.matMul(dropped(network, probabilities, dropout), byHead(value, [0, 2, 1, 3]));
  return withLast(g, g.transpose(mixed, [0, 2, 1, 3]), [features]);
}

/** x [N, S, ...] as [N, S, ...last]. (0 copies a size.) */
function withLast(g: GraphBuilder, x: Value, last: readonly number[]): Value {
  return g.emit("Reshape", [x, g.constant(int64([0, 0, ...last]))])[0] as Value;
}

/** Small enough for softmax to give 0, and a number of float16 too: that of BERT's authors. */
const MASKED = -10_000;

/** What to add to scores so that no token attends to padding. @param mask [N, S], 1 for tokens and 0 for padding. @returns [N, 1, 1, S] */
export function paddingMask(g: GraphBuilder, mask: Value): Value {
  return g.mul(g.sub(1, g.unsqueeze(g.cast(mask, "float32"), [1, 2])), MASKED);
}
