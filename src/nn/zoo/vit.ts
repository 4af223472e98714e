import { LimbeckError } from "../../errors.ts";
import type { Graph, Value } from "../../graph/graph.ts";
import { attention, INIT, tokenDense } from "../attention.ts";
import { constantInit, lecunUniform } from "../initializers.ts";
import type { Network } from "../layers.ts";
import { conv, dense, dropped, type ImageClassifierOptions, imageClassifier, layerNorm } from "../torch-layers.ts";

export interface VitConfiguration {
  /** Number of blocks. */
  readonly depth: number;
  /** Features of a token, D. */
  readonly width: number;
  readonly heads: number;
  /** Whether a second token learns from a teacher, with a head of its own. */
  readonly isDistilled?: boolean;
}

/**
 * ViT (Dosovitskiy et al., 2020, arXiv:2010.11929) and DeiT (Touvron et al., 2020, arXiv:2012.12877), which differ in how they are trained.
 * Parameters with patches of 16×16 of 224×224 and 1,000 classes: tiny 5,717,416, small 22,050,664, base 86,567,656; distilled tiny
 * 5,910,800 and small 22,436,432.
 */
export const vitVariants = {
  "vit-tiny": { depth: 12, width: 192, heads: 3 },
  "vit-small": { depth: 12, width: 384, heads: 6 },
  "vit-base": { depth: 12, width: 768, heads: 12 },
  "deit-tiny": { depth: 12, width: 192, heads: 3 },
  "deit-small": { depth: 12, width: 384, heads: 6 },
  "deit-base": { depth: 12, width: 768, heads: 12 },
  "deit-tiny-distilled": { depth: 12, width: 192, heads: 3, isDistilled: true },
  "deit-small-distilled": { depth: 12, width: 384, heads: 6, isDistilled: true },
} as const satisfies Readonly<Record<string, VitConfiguration>>;

/** A variant by name, or one of any depth and width. */
export type VitVariant = keyof typeof vitVariants | VitConfiguration;

export interface VitOptions extends ImageClassifierOptions {
  /** Height and width of a patch in pixels, which divide the image's; 16 unless given, and 4 for images below 64×64. */
  readonly patch?: number;
  /** Of the output of each attention and each hidden layer, while training; 0 unless given. */
  readonly dropout?: number;
}

const EPSILON = 1e-6;
/** Features between the two linear layers of a block, for each of a token's. */
const EXPANSION = 4;

/**
 * A vision transformer with timm's names, without the stochastic depth that DeiT's training adds. Images are cut into patches, each a token
 * of D features; a class token comes before them, and its features after the last block are classified.
 *
 * Hints: `block1`, `block2`, ... [N, S, D], and of each block's attention `block1.query`, `.key`, `.value` [N, S, D], `.scores` and
 * `.probabilities` [N, heads, S, S]; `pooled` [N, D]. A distilled one has a distillation token too, and gives the mean of both heads'
 * answers, which are `logits.class` and `logits.distillation`.
 *
 * @throws LimbeckError when the patch doesn't divide the image.
 */
export function vit(variant: VitVariant, options: VitOptions): Graph {
  const configuration: VitConfiguration = typeof variant === "string" ? vitVariants[variant] : variant;
  const name = typeof variant === "string" ? variant : `vit-${variant.depth}-${variant.width}`;
  return imageClassifier(name, options, (network, images) => {
    const { g, tap } = network;
    let x = dropped(network, embedded(network, images, configuration, options), options.dropout ?? 0);
    for (let index = 0; index < configuration.depth; index++) {
      const hint = `block${index + 1}`;
      x = tap(
        hint,
        g.scope(`blocks.${index}`, () => block(network, x, configuration, options.dropout ?? 0, hint)),
      );
    }
    return answer(network, layerNorm(network, "norm", x, EPSILON), configuration, options.classes);
  });
}

/** Patches as tokens, after the class token, all with their positions: [N, S, D]. */
function embedded(
  network: Network,
  images: Value,
  { width, isDistilled = false }: VitConfiguration,
  { inputShape, patch }: VitOptions,
): Value {
  const { g, random } = network;
  const [, height = 0, breadth = 0] = inputShape;
  const size = patch ?? (Math.min(height, breadth) < 64 ? 4 : 16);
  if (height % size !== 0 || breadth % size !== 0) {
    throw new LimbeckError(`Images of ${height}×${breadth} can't be cut into patches of ${size}×${size}.`, {
      hint: "Give a patch that divides height and width.",
    });
  }
  const maps = g.scope("patch_embed", () =>
    conv(network, "proj", images, width, size, { stride: size, padding: 0, bias: true, init: lecunUniform() }),
  );
  const count = (height / size) * (breadth / size);
  const patches = g.transpose(g.reshape(maps, [images.shape[0] as string, width, count]), [0, 2, 1]);
  const names = ["cls_token", ...(isDistilled ? ["dist_token"] : [])];
  const tokens = g.concat(
    names.map((token) => g.initializer(token, INIT([1, 1, width], random))),
    1,
  );
  const positions = g.initializer("pos_embed", INIT([1, names.length + count, width], random));
  // The tokens, the same in every sample, are added where the patches leave room, together with the positions.
  const given = g.add(positions, g.pad(tokens, [0, 0, 0, 0, count, 0]));
  return g.add(g.pad(patches, [0, names.length, 0, 0, 0, 0]), given);
}

/** Attention, then two linear layers for each token: each takes x normalised, and what it gives is added to x. */
function block(network: Network, x: Value, { width, heads }: VitConfiguration, dropout: number, name: string): Value {
  const { g } = network;
  const before = layerNorm(network, "norm1", x, EPSILON);
  const mixed = g.scope("attn", () => {
    const [query, key, value] = g.split(tokenDense(network, "qkv", before, 3 * width), [width, width, width], 2) as [Value, Value, Value];
    return tokenDense(network, "proj", attention(network, query, key, value, { heads, name }), width);
  });
  const attended = g.add(x, dropped(network, mixed, dropout));
  const middle = layerNorm(network, "norm2", attended, EPSILON);
  const changed = g.scope("mlp", () => {
    const hidden = dropped(network, g.gelu(tokenDense(network, "fc1", middle, EXPANSION * width)), dropout);
    return tokenDense(network, "fc2", hidden, width);
  });
  return g.add(attended, dropped(network, changed, dropout));
}

/** The class token's answer; with a distillation token, the mean of both. */
function answer(network: Network, x: Value, { isDistilled = false }: VitConfiguration, classes: number): Value {
  const { g, tap } = network;
  const options = { init: INIT, biasInit: constantInit(0) };
  const token = (index: number) => g.gather(x, g.scalar(index, "int64"), 1);
  const ofClass = dense(network, "head", tap("pooled", token(0)), classes, options);
  if (!isDistilled) return ofClass;
  const ofDistillation = dense(network, "head_dist", token(1), classes, options);
  return g.mul(g.add(tap("logits.class", ofClass), tap("logits.distillation", ofDistillation)), 0.5);
}
