import { LimbeckError } from "../errors.ts";
import { permutation, type Random, randomFor } from "../random.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** How words of texts are masked for a network to guess. */
export interface TokenMasking {
  /** The share of a text's tokens that is masked. */
  readonly probability: number;
  /** The token that stands for a masked one. */
  readonly mask: number;
  /** Tokens that are never masked, and never put in place of others. */
  readonly special: ReadonlySet<number>;
  /** Number of different tokens. */
  readonly vocabulary: number;
}

export interface MaskedTokens {
  /** What the network reads. */
  readonly ids: Int32Array;
  /** The token that was there where it is to be guessed, elsewhere −1. */
  readonly labels: Int32Array;
}

/** Of tokens that are to be guessed, 8 in 10 are masked, 1 in 10 is another word, and 1 in 10 is left as it is. */
const MASKED = 0.8;
const REPLACED = 0.9;

/**
 * How a tokenizer's texts are masked.
 *
 * @param probability BERT's share unless given.
 * @throws LimbeckError when the tokenizer has no token for what is masked.
 */
export function tokenMasking({ special, vocabularySize }: Pick<Tokenizer, "special" | "vocabularySize">, probability = 0.15): TokenMasking {
  if (special.mask === undefined) {
    throw new LimbeckError("The tokenizer has no token to mask words with, such as [MASK].", {
      hint: "Masked language modelling needs the tokenizer of a network that was trained so.",
    });
  }
  const all = new Set(Object.values(special).filter((token) => token !== undefined));
  return { probability, mask: special.mask, special: all, vocabulary: vocabularySize };
}

/** The most tokens of a text of `length` tokens, special ones among them, that are masked. */
export function mostMasked({ probability }: Pick<TokenMasking, "probability">, length: number): number {
  return Math.max(1, Math.round(probability * length));
}

/**
 * Masks tokens of a text as BERT does (Devlin et al., 2018, arXiv:1810.04805): of n tokens that are not special, max(1, round(p·n)) are to be
 * guessed, of which 80 % are masked, 10 % another token and 10 % left as they are. It follows from the sample's place in the data set and
 * from the view alone, as augmentations do.
 *
 * @param ids Of the text, without padding. They are not changed.
 */
export function maskTokens(
  ids: Int32Array,
  masking: TokenMasking,
  { seed, view, index }: { readonly seed: number; readonly view: number; readonly index: number },
): MaskedTokens {
  const random = randomFor(seed, view, index, MASK);
  const words = Array.from(ids.keys()).filter((place) => !masking.special.has(ids[place] as number));
  const masked = ids.slice();
  const labels = new Int32Array(ids.length).fill(-1);
  if (masking.probability === 0) return { ids: masked, labels };
  for (const chosen of permutation(words.length, random).subarray(0, mostMasked(masking, words.length))) {
    const place = words[chosen] as number;
    labels[place] = ids[place] as number;
    const draw = random.uniform();
    if (draw < MASKED) masked[place] = masking.mask;
    else if (draw < REPLACED) masked[place] = otherToken(masking, random);
  }
  return { ids: masked, labels };
}

const MASK = 0x4d61736b;

/** Any token that isn't special. */
function otherToken({ special, vocabulary }: TokenMasking, random: Random): number {
  for (;;) {
    const token = random.integer(0, vocabulary - 1);
    if (!special.has(token)) return token;
  }
}
