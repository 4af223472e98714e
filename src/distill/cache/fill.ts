import { type Batch, viewBatches } from "../../data/batches.ts";
import type { MixOptions } from "../../data/mix.ts";
import type { Normalization } from "../../data/normalize.ts";
import type { Progress } from "../../data/progress.ts";
import type { Samples } from "../../data/samples.ts";
import { byLength, shuffledBatches } from "../../data/texts.ts";
import type { Transform } from "../../data/transforms.ts";
import { LimbeckError } from "../../errors.ts";
import { elementCount, type Float32Tensor, type Tensor } from "../../graph/tensor.ts";
import { randomFor } from "../../random.ts";
import { folderOf, headerOf, type Plan, type Range, type StoredOutput, shardName } from "./plan.ts";
import { blankShard, recordPosition, sealShard, shardFault } from "./shard.ts";
import type { ShardStore } from "./store.ts";

const LABELLING = 0x4c61626c;

/** Who labels, and what. */
export interface Labeller {
  readonly teach: (batch: Batch) => Promise<Readonly<Record<string, Tensor>>>;
  readonly samples: Samples;
  readonly normalization: Normalization;
  readonly transforms: readonly Transform[];
  readonly mix?: MixOptions;
  readonly seed: number;
  readonly batchSize: number;
}

/** What is in a store of what a plan wants. */
export interface Inventory {
  /** Ranges of which a shard is missing or damaged. */
  readonly missing: readonly Range[];
  /** The damaged shards, with what is wrong with each. */
  readonly damaged: readonly string[];
}

/** Reads and checks every shard of a plan. One is in memory at a time. */
export async function takeInventory(plan: Plan, store: ShardStore): Promise<Inventory> {
  const missing: Range[] = [];
  const damaged: string[] = [];
  for (const range of plan.ranges) {
    const states = [];
    for (const output of plan.outputs) states.push(await stateOf(output, range, store));
    damaged.push(...states.filter((state) => state !== "good" && state !== "absent"));
    if (states.some((state) => state !== "good")) missing.push(range);
  }
  return { missing, damaged };
}

/** Whether a shard is there and good, or what is wrong with it. */
async function stateOf(output: StoredOutput, range: Range, store: ShardStore): Promise<string> {
  const bytes = await store.load(shardName(output, range));
  if (!bytes) return "absent";
  const fault = await shardFault(bytes, headerOf(output, range));
  return fault === undefined ? "good" : `${shardName(output, range)}: ${fault}`;
}

/**
 * Labels ranges and stores them, each as soon as it is complete. A range that another process has stored meanwhile is left out. Batches
 * are always full, the last of a range filled up with its last sample, so that the teacher sees one size of batch only, that of training.
 *
 * @returns How many samples were labelled.
 * @throws LimbeckError when the store can't be written to, or the outputs can't be encoded.
 */
export async function fillCache(
  plan: Plan,
  ranges: readonly Range[],
  labeller: Labeller,
  store: ShardStore,
  onLabel?: (event: Progress) => void,
): Promise<number> {
  const total = ranges.reduce((sum, { count }) => sum + count, 0);
  const began = performance.now();
  let [done, labelled] = [0, 0];
  for (const output of plan.outputs) {
    await store.save(`${folderOf(output)}/about.json`, new TextEncoder().encode(`${JSON.stringify(output.description, null, 2)}\n`));
  }
  for (const range of ranges) {
    const states = await Promise.all(plan.outputs.map((output) => stateOf(output, range, store)));
    const wanted = plan.outputs.filter((_, index) => states[index] !== "good");
    if (wanted.length > 0) {
      const shards = await labelRange(wanted, range, labeller, (count) => {
        labelled += count;
        const samplesPerSecond = (1000 * labelled) / (performance.now() - began);
        const reached = done + count;
        onLabel?.({ done: reached, total, samplesPerSecond, secondsLeft: (total - reached) / samplesPerSecond });
        done = reached;
      });
      for (const [output, bytes] of shards) await store.save(shardName(output, range), bytes);
    } else done += range.count;
  }
  return labelled;
}

/** The shards of a range, sealed. @param onBatch Is told how many samples each batch brought. */
async function labelRange(
  outputs: readonly StoredOutput[],
  range: Range,
  labeller: Labeller,
  onBatch: (count: number) => void,
): Promise<readonly (readonly [StoredOutput, Uint8Array])[]> {
  const shards = outputs.map((output) => [output, blankShard(headerOf(output, range))] as const);
  let left = range.count;
  for await (const batch of rangeBatches(range, labeller)) {
    const answers = await labeller.teach(batch);
    for (const [output, shard] of shards) writeRecords(output, range, answers[output.name], batch.indices, shard);
    const count = Math.min(batch.size, left);
    left -= count;
    onBatch(count);
  }
  for (const [, shard] of shards) await sealShard(shard);
  return shards;
}

/** Full batches of a range in its view; texts of like length together, in batches drawn from all over the range. */
export function rangeBatches({ view, first, count }: Range, labeller: Labeller): AsyncIterable<Batch> {
  const { samples, batchSize, seed, normalization, transforms, mix } = labeller;
  const order = Uint32Array.from({ length: batchSize * Math.ceil(count / batchSize) }, (_, index) => first + Math.min(index, count - 1));
  const inTurn = samples.texts ? shuffledBatches(byLength(samples.texts, order, batchSize), batchSize, randomFor(first, LABELLING)) : order;
  return viewBatches(samples, inTurn, { batchSize, seed, view, normalization, transforms, mix });
}

function writeRecords(output: StoredOutput, range: Range, answer: Tensor | undefined, indices: Uint32Array, shard: Uint8Array): void {
  const header = headerOf(output, range);
  const size = elementCount(output.shape);
  if (answer?.type !== "float32" || elementCount(answer.shape.slice(1)) !== size) {
    throw new LimbeckError(`The teacher gives no "${output.name}" of shape [${output.shape.join(", ")}] in float32 to store.`);
  }
  const { data } = answer as Float32Tensor;
  // Backwards, so that of a sample that fills up a batch its first row is what stays.
  for (let row = indices.length - 1; row >= 0; row--) {
    const position = recordPosition(header, indices[row] as number);
    output.codec.encode(data.subarray(row * size, (row + 1) * size), shard.subarray(position, position + header.recordBytes));
  }
}
