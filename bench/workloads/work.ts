import { elementCount, float32, int32, int64, type Tensor } from "../../src/graph/tensor.ts";
import { SEQUENCE } from "../../src/nn/text.ts";
import { randomFor } from "../../src/random.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";

/** A piece of work of Limbeck's to time. */
export interface Work {
  /** One iteration. */
  readonly run: () => Promise<unknown>;
  /** Floating-point operations of the matrix products and convolutions in one iteration. */
  readonly flops: number;
  /** Of the network that is trained or asked. */
  readonly parameters?: number;
}

export type MakeWork = (runtime: Runtime) => Promise<Work>;

/** Classes of the networks for CIFAR-100. */
export const CLASSES = 100;
/** Of one sample of CIFAR. */
export const IMAGE = [3, 32, 32] as const;
/** Tokens of a text. */
const LENGTH = 64;
/** What a network of text needs to know of its symbolic dimensions. */
export const TEXT_SIZES = { [SEQUENCE]: LENGTH };

const random = randomFor(0);

/** Values uniform in [0, 1). */
export function uniform(shape: readonly number[]): Tensor {
  return float32(Float32Array.from({ length: elementCount(shape) }, random.uniform), shape);
}

/** Labels [count]. */
export function labels(count: number, classes: number): Tensor {
  return int32(Int32Array.from({ length: count }, () => random.integer(0, classes - 1)));
}

/** What BERT takes: `count` texts of `LENGTH` tokens without padding. */
export function texts(count: number, vocabulary: number): Record<string, Tensor> {
  const filled = (value: () => number) =>
    int64(
      Array.from({ length: count * LENGTH }, () => BigInt(value())),
      [count, LENGTH],
    );
  return {
    input_ids: filled(() => random.integer(0, vocabulary - 1)),
    attention_mask: filled(() => 1),
    token_type_ids: filled(() => 0),
  };
}
