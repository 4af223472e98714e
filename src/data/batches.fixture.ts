import type { Batch } from "./batches.ts";

/** A copy that outlives the buffers. */
export function copyOf({ inputs, labels, partners, indices, size }: Batch) {
  return {
    inputs: [...inputs.data],
    shape: inputs.shape,
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
