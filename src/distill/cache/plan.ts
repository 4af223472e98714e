import type { Normalization } from "../../data/normalize.ts";
import type { Samples } from "../../data/samples.ts";
import { type Codec, codecFor, type Encoding } from "./encoding.ts";
import { keyOf, samplesHash, sha256 } from "./key.ts";
import { type ShardHeader, shardBytes } from "./shard.ts";

/** What decides the outputs of a teacher. */
export interface Labelling {
  /** The teacher's ONNX file. */
  readonly teacher: Uint8Array;
  /** What runs it: other versions and devices round otherwise. */
  readonly runtime: { readonly version: string; readonly device: string };
  /** The outputs' names, as the training step calls them, and the shape of each for one sample. */
  readonly outputs: Readonly<Record<string, readonly number[]>>;
  readonly samples: Samples;
  /** How batches are normalised. */
  readonly normalization: Normalization;
  /** The transforms as data, and the seed that they draw from. */
  readonly augment: readonly unknown[];
  /** How samples are mixed, as data. */
  readonly mix?: unknown;
  readonly seed: number;
  /** How many augmentations of each sample are stored. */
  readonly views: number;
  readonly encoding: Encoding;
}

/** One output, as it is stored. */
export interface StoredOutput {
  readonly name: string;
  readonly shape: readonly number[];
  readonly codec: Codec;
  /** SHA-256 of everything that decides the records, but for view and sample. */
  readonly key: string;
  /** The same for a reader. */
  readonly description: Readonly<Record<string, unknown>>;
}

/** Consecutive samples of one view: what is labelled and stored together. */
export interface Range {
  readonly view: number;
  readonly first: number;
  readonly count: number;
}

/** Everything that is to be stored, and where. */
export interface Plan {
  readonly outputs: readonly StoredOutput[];
  readonly ranges: readonly Range[];
  /** Samples × views. */
  readonly labels: number;
  /** Of all shards together. */
  readonly bytes: number;
}

/** Samples to a shard: what a killed process loses at most, and holds in memory. */
export const RANGE = 2048;

/** To be raised when the same key would no longer stand for the same outputs: when augmentation or normalisation compute otherwise. */
const GENERATION = 1;

/** Works out what is to be stored. Reads all samples once, for their hash. */
export async function planOf(labelling: Labelling): Promise<Plan> {
  const { teacher, runtime, samples, normalization, augment, mix, seed, views, encoding } = labelling;
  const common = {
    generation: GENERATION,
    teacher: await sha256(teacher),
    runtime: { version: runtime.version, device: runtime.device },
    samples: { name: samples.name, length: samples.length, hash: await samplesHash(samples) },
    normalization,
    augment,
    ...(mix !== undefined && { mix }),
    ...((augment.length > 0 || mix !== undefined) && { seed }),
  };
  const outputs = await Promise.all(
    Object.entries(labelling.outputs).map(async ([name, shape]): Promise<StoredOutput> => {
      const codec = codecFor(encoding, shape);
      const description = { ...common, output: name, shape, encoding: codec.name };
      return { name, shape, codec, description, key: await keyOf(description) };
    }),
  );
  const ranges = Array.from({ length: views }, (_, view) =>
    Array.from({ length: Math.ceil(samples.length / RANGE) }, (_, range): Range => {
      const first = range * RANGE;
      return { view, first, count: Math.min(RANGE, samples.length - first) };
    }),
  ).flat();
  const bytes = ranges
    .flatMap((range) => outputs.map((output) => shardBytes(headerOf(output, range))))
    .reduce((sum, size) => sum + size, 0);
  return { outputs, ranges, labels: samples.length * views, bytes };
}

export function headerOf({ key, codec }: StoredOutput, { view, first, count }: Range): ShardHeader {
  return { key, view, first, count, recordBytes: codec.recordBytes };
}

/** The directory of an output in the store. */
export const folderOf = ({ key }: Pick<StoredOutput, "key">): string => key.slice(0, 32);

/** The name of a shard in the store. */
export function shardName(output: Pick<StoredOutput, "key">, { view, first }: Pick<Range, "view" | "first">): string {
  return `${folderOf(output)}/view${view}-from${first}.shard`;
}
