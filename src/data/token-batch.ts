import type { Tensor } from "../graph/tensor.ts";
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
  const shape = [encodings.length, size];
  const filled = (padding: number, numberOf: (encoding: Encoding, place: number) => number | undefined): Tensor => {
    const data = new BigInt64Array(encodings.length * size).fill(BigInt(padding));
    encodings.forEach((encoding, row) => {
      const count = Math.min(size, encoding.ids.length);
      for (let place = 0; place < count; place++) data[row * size + place] = BigInt(numberOf(encoding, place) as number);
    });
    return { type: "int64", shape, data };
  };
  return {
    [INPUT_IDS]: filled(pad, ({ ids }, place) => ids[place]),
    [ATTENTION_MASK]: filled(0, () => 1),
    [TOKEN_TYPE_IDS]: filled(0, ({ typeIds }, place) => typeIds[place]),
  };
}
