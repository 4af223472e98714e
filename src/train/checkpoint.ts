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
  /** What the balancer of the loss's terms remembers: plain data. */
  readonly balance?: unknown;
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
  /** What to call it in messages, such as its file's path. */
  readonly name?: string;
  load(): Promise<Uint8Array | undefined>;
  save(bytes: Uint8Array): Promise<void>;
}

interface HeaderEntry {
  readonly dtype: "F32";
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

const FORMAT = "limbeck-checkpoint-1";
const METADATA = "__metadata__";

/** The checkpoint in the safetensors format: 8 bytes of header length, a JSON header, the data. `progress` is in its metadata. */
export function encodeCheckpoint({ progress, tensors }: Checkpoint): Uint8Array {
  let offset = 0;
  const entries = Array.from(tensors, ([name, { shape, data }]): [string, HeaderEntry] => {
    const from = offset;
    offset += data.byteLength;
    return [name, { dtype: "F32", shape, data_offsets: [from, offset] }];
  });
  const header = Object.fromEntries<unknown>([[METADATA, { format: FORMAT, progress: JSON.stringify(progress) }], ...entries]);
  const text = new TextEncoder().encode(JSON.stringify(header));
  // Spaces after the header align the data to 8 bytes.
  const start = 8 + Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(start + offset).fill(0x20, 8, start);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(start - 8), true);
  bytes.set(text, 8);
  let position = start;
  for (const { data } of tensors.values()) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), position);
    position += data.byteLength;
  }
  return bytes;
}

/** @throws LimbeckError when the bytes are not a checkpoint written by `encodeCheckpoint`. */
export function decodeCheckpoint(bytes: Uint8Array, source: string): Checkpoint {
  const broken = (why: string) =>
    new LimbeckError(`Not a usable checkpoint: ${why}.`, { where: source, hint: "Delete it to start the run again." });
  if (bytes.length < 8) throw broken("it is cut short");
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (length > bytes.length - 8) throw broken("it is cut short");
  const header = parsed(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  if (!header) throw broken("its header is not JSON");
  const { [METADATA]: metadata, ...entries } = header as { [METADATA]?: { format?: unknown; progress?: unknown } };
  const progress = metadata?.format === FORMAT ? parsed(String(metadata.progress)) : undefined;
  if (!isProgress(progress)) throw broken("it was not written by Limbeck");
  const data = bytes.subarray(8 + length);
  let used = 0;
  const tensors = new Map<string, Float32Tensor>();
  for (const [name, entry] of Object.entries<unknown>(entries)) {
    if (!isEntry(entry, data.length)) throw broken(`"${name}" is damaged`);
    const {
      shape,
      data_offsets: [from, to],
    } = entry;
    // A copy of its own: `slice` of a Buffer, which is what Node reads files into, would share the memory of them all.
    tensors.set(name, { type: "float32", shape, data: new Float32Array(new Uint8Array(data.subarray(from, to)).buffer) });
    used += to - from;
  }
  if (used !== data.length) throw broken("its size is not what its header says");
  return { progress, tensors };
}

/** The object that a text is in JSON, if it is one. */
function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function isProgress(value: unknown): value is Progress {
  const { seed, epoch, step, sums } = (value ?? {}) as Partial<Progress>;
  return [seed, epoch, step].every(Number.isInteger) && typeof sums === "object";
}

/** Whether an entry describes float32 data that lies within `length` bytes. */
function isEntry(value: unknown, length: number): value is HeaderEntry {
  const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Partial<HeaderEntry>;
  if (dtype !== "F32" || !Array.isArray(shape) || !Array.isArray(offsets)) return false;
  const [from, to] = offsets as readonly [number, number];
  return from >= 0 && to <= length && shape.every((size) => Number.isInteger(size) && size >= 0) && to - from === 4 * elementCount(shape);
}
