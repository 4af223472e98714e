import type { Tensor } from "../graph/tensor.ts";
import type { Batch } from "./batches.ts";
import { VALUES } from "./inputs.ts";

/** The values of a batch of images, row-major. */
export const valuesIn = ({ inputs }: Pick<Batch, "inputs">): Float32Array => (inputs[VALUES] as Tensor).data as Float32Array;

/** A copy that outlives the buffers. */
export function copyOf({ inputs, labels, partners, indices, size }: Batch) {
  return {
    inputs: [...valuesIn({ inputs })],
    shape: inputs[VALUES]?.shape,
    labels: [...(labels.data as Int32Array)],
    partners: [...((partners?.labels.data ?? []) as Int32Array), ...(partners?.share.data ?? [])],
    indices: [...indices],
    size,
  };
}

export async function copies(batches: AsyncIterable<Batch>): Promise<ReturnType<typeof copyOf>[]> {
  const found: ReturnType<typeof copyOf>[] = [];
  for await (const batch of batches) found.push(copyOf(batch));
  return found;
}

export async function firstBatch(batches: AsyncIterable<Batch>): Promise<Batch> {
  for await (const batch of batches) return batch;
  throw new Error("There are no batches.");
}
