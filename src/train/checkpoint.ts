import { LimbeckError } from "../errors.ts";
import { elementCount, type Float32Tensor } from "../graph/tensor.ts";

/** Where a run was when the checkpoint was written, and what it knew. Everything random follows from the seed and this position. */
export interface Progress {
  readonly seed: number;
  /** Epochs finished. */
  readonly epoch: number;
  /** Steps taken within the current epoch. */
  readonly step: number;
  /** Epochs finished when validation was best, and its accuracy there. */
  readonly best?: { readonly epoch: number; readonly accuracy: number };
  /** Sums over the current epoch so far, by metric. */
  readonly sums: Readonly<Record<string, number>>;
  /** Seconds of training so far. */
  readonly seconds: number;
}

export interface Checkpoint {
  readonly progress: Progress;
  /** Parameters, buffers, optimiser slots, averages; the best weights under `best:NAME`. */
  readonly tensors: ReadonlyMap<string, Float32Tensor>;
}

/** Somewhere that checkpoints are kept. `save` must not lose the last one if it fails. */
export interface CheckpointStore {
  load(): Promise<Uint8Array | undefined>;
  save(bytes: Uint8Array): Promise<void>;
}

interface HeaderEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

const HEADER_LIMIT = 100_000_000;

/** The checkpoint in the safetensors format: 8 bytes of header length, a JSON header, the data. `progress` is in its metadata. */
export function encodeCheckpoint({ progress, tensors }: Checkpoint): Uint8Array {
  let offset = 0;
  const header: Record<string, unknown> = { __metadata__: { format: "limbeck-checkpoint-1", progress: JSON.stringify(progress) } };
  for (const [name, { shape, data }] of tensors) {
    header[name] = { dtype: "F32", shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const text = JSON.stringify(header);
  const encoded = new TextEncoder().encode(text.padEnd(Math.ceil(text.length / 8) * 8));
  const bytes = new Uint8Array(8 + encoded.length + offset);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(encoded.length), true);
  bytes.set(encoded, 8);
  let position = 8 + encoded.length;
  for (const { data } of tensors.values()) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), position);
    position += data.byteLength;
  }
  return bytes;
}

/** @throws LimbeckError when the bytes are not a checkpoint written by `encodeCheckpoint`. */
export function decodeCheckpoint(bytes: Uint8Array, source: string): Checkpoint {
  const broken = (why: string) => new LimbeckError(`Not a usable checkpoint: ${why}.`, { where: source, hint: "Delete it to start the run again." });
  if (bytes.length < 8) throw broken("it is cut short");
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (length > Math.min(HEADER_LIMIT, bytes.length - 8)) throw broken("it is cut short");
  const header = parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)), broken);
  const metadata = header.__metadata__ as { format?: string; progress?: string } | undefined;
  if (metadata?.format !== "limbeck-checkpoint-1" || !metadata.progress) throw broken("it was not written by Limbeck");
  const data = bytes.subarray(8 + length);
  const tensors = new Map<string, Float32Tensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const { dtype, shape, data_offsets: [from, to] } = entry as HeaderEntry;
    if (dtype !== "F32" || to > data.length || to - from !== 4 * elementCount(shape)) throw broken(`"${name}" is damaged`);
    tensors.set(name, { type: "float32", shape, data: new Float32Array(data.slice(from, to).buffer) });
  }
  return { progress: parse(metadata.progress, broken) as unknown as Progress, tensors };
}

function parse(text: string, broken: (why: string) => LimbeckError): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw broken("its header is not JSON");
  }
}
