import { int64, type Tensor } from "../graph/tensor.ts";
import { ATTENTION_MASK, INPUT_IDS, TOKEN_TYPE_IDS } from "../nn/text.ts";
import type { Encoding } from "./tokenizer.ts";

export interface PadOptions {
  /** The token to pad with; 0 unless given. */
  readonly pad?: number;
  /** Tokens of each sample; those of the longest unless given. Longer samples are cut. */
  readonly length?: number;
}

/** Encodings as what networks of text take: `input_ids`, `attention_mask` and `token_type_ids`, int64 [N, S], padded at the end. */
export function tokenBatch(encodings: readonly Encoding[], { pad = 0, length }: PadOptions = {}): Record<string, Tensor> {
  const size = length ?? encodings.reduce((longest, { ids }) => Math.max(longest, ids.length), 0);
  const filled = (padding: number, of: (encoding: Encoding) => Int32Array) =>
    int64(
      encodings.flatMap((encoding) => {
        const own = Array.from(of(encoding).subarray(0, size));
        return own.concat(new Array<number>(size - own.length).fill(padding));
      }),
      [encodings.length, size],
    );
  return {
    [INPUT_IDS]: filled(pad, ({ ids }) => ids),
    [ATTENTION_MASK]: filled(0, ({ ids }) => new Int32Array(ids.length).fill(1)),
    [TOKEN_TYPE_IDS]: filled(0, ({ typeIds }) => typeIds),
  };
}
