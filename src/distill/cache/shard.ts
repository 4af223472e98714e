/*
 * A shard holds the records of one output for consecutive samples of one augmentation view:
 *
 *     0     8 bytes     "limbeckT"
 *     8     uint32      version of the format, little-endian
 *     12    32 bytes    SHA-256 of everything after it
 *     44    212 bytes   the header: JSON, filled up with spaces
 *     256               `count` records of `recordBytes` bytes
 *
 * What reads it says which header it expects: a shard of anything else is as good as none.
 */

export interface ShardHeader {
  /** Of everything that decides what the records are, but for the view and the samples. */
  readonly key: string;
  readonly view: number;
  /** The first sample. */
  readonly first: number;
  /** How many samples. */
  readonly count: number;
  readonly recordBytes: number;
}

const MAGIC = new TextEncoder().encode("limbeckT");
const VERSION = 1;
const CHECKSUM = 12;
const HEADER = 44;
const RECORDS = 256;

/** Bytes of a whole shard. */
export function shardBytes({ count, recordBytes }: ShardHeader): number {
  return RECORDS + count * recordBytes;
}

/** Where the record of a sample begins. */
export function recordPosition({ first, recordBytes }: ShardHeader, sample: number): number {
  return RECORDS + (sample - first) * recordBytes;
}

/** A shard of zeros, to be filled and then sealed. */
export function blankShard(header: ShardHeader): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(shardBytes(header));
  bytes.set(MAGIC);
  new DataView(bytes.buffer).setUint32(MAGIC.length, VERSION, true);
  bytes.set(headerText(header), HEADER);
  return bytes;
}

/** Writes the checksum of a filled shard. */
export async function sealShard(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  bytes.set(await checksum(bytes), CHECKSUM);
}

/** What is wrong with a shard that should have this header; nothing, where all is well. */
export async function shardFault(bytes: Uint8Array<ArrayBuffer>, header: ShardHeader): Promise<string | undefined> {
  if (!startsWith(bytes, MAGIC)) return "it is no shard of a teacher cache";
  if (bytes.length < RECORDS) return "it is cut short";
  const version = new DataView(bytes.buffer, bytes.byteOffset).getUint32(MAGIC.length, true);
  if (version !== VERSION) return `it has version ${version}, not ${VERSION}`;
  if (!startsWith(bytes.subarray(HEADER, RECORDS), headerText(header))) return "it is of something else";
  const expected = shardBytes(header);
  if (bytes.length !== expected) return `it has ${bytes.length} bytes, not ${expected}`;
  return startsWith(bytes.subarray(CHECKSUM), await checksum(bytes)) ? undefined : "its checksum is wrong";
}

function headerText({ key, view, first, count, recordBytes }: ShardHeader): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ key, view, first, count, recordBytes }).padEnd(RECORDS - HEADER));
}

async function checksum(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes.subarray(HEADER)));
}

function startsWith(bytes: Uint8Array, start: Uint8Array): boolean {
  return bytes.length >= start.length && start.every((byte, index) => bytes[index] === byte);
}
