import type { Batch } from "../../data/batches.ts";
import { elementCount, type Float32Tensor, float32, type Tensor } from "../../graph/tensor.ts";
import { headerOf, type Plan, RANGE, type StoredOutput, shardName } from "./plan.ts";
import { recordPosition } from "./shard.ts";
import type { ShardStore } from "./store.ts";

/** Answers for the teacher from what is stored. */
export type CachedTeach = (batch: Batch, scalars: Readonly<Record<string, number>>) => Readonly<Record<string, Tensor>>;

/** Reads batches of a plan whose shards are all there and good. The tensors are overwritten by the next call. */
export function cachedTeach(plan: Plan, store: ShardStore): CachedTeach {
  const readers = plan.outputs.map((output) => [output.name, outputReader(output, store)] as const);
  return (batch, scalars) => {
    const temperature = temperatureOf(scalars);
    return Object.fromEntries(readers.map(([name, read]) => [name, read(batch, temperature)]));
  };
}

function outputReader(output: StoredOutput, store: ShardStore): (batch: Batch, temperature: number) => Float32Tensor {
  const { shape, codec } = output;
  const size = elementCount(shape);
  const record = new Uint8Array(codec.recordBytes);
  let tensor = float32(new Float32Array(0), [0, ...shape]);
  return ({ indices, view, size: rows }, temperature) => {
    if (tensor.shape[0] !== rows) tensor = float32(new Float32Array(rows * size), [rows, ...shape]);
    indices.forEach((sample, row) => {
      const range = { view, first: sample - (sample % RANGE), count: RANGE };
      store.read(shardName(output, range), recordPosition(headerOf(output, range), sample), record);
      codec.decode(record, tensor.data.subarray(row * size, (row + 1) * size), temperature);
    });
    return tensor;
  };
}

/**
 * The temperature for which top-k spreads what it left out: what stretches logits is 1/T, so of several losses' temperatures it is the
 * harmonic mean; 1 where no loss has one.
 */
export function temperatureOf(scalars: Readonly<Record<string, number>>): number {
  const inverses = Object.entries(scalars).flatMap(([name, value]) => (name.startsWith("temperature:") ? [1 / value] : []));
  return inverses.length === 0 ? 1 : inverses.length / inverses.reduce((sum, inverse) => sum + inverse, 0);
}
