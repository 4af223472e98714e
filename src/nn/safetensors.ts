import { LimbeckError } from "../errors.ts";
import { formatShape } from "../graph/graph.ts";
import { arrayTypeOf, dataLength, type ElementType, type Tensor, type TensorData } from "../graph/tensor.ts";

/*
 * The file format of Hugging Face's safetensors (https://github.com/huggingface/safetensors): the length of the header, 8 bytes,
 * little-endian; the header, JSON that gives dtype, shape and place of each tensor; the tensors' bytes, little-endian, row-major, without
 * gaps.
 */

const types: Readonly<Record<string, Exclude<ElementType, "string">>> = {
  F64: "float64",
  F32: "float32",
  F16: "float16",
  BF16: "bfloat16",
  I64: "int64",
  I32: "int32",
  I16: "int16",
  I8: "int8",
  U64: "uint64",
  U32: "uint32",
  U16: "uint16",
  U8: "uint8",
  BOOL: "bool",
};
const codes = new Map(Object.entries(types).map(([code, type]) => [type as ElementType, code]));

/** Before the header: its length. */
const PREFIX = 8;
/** The longest header that the format allows, in bytes. */
const LONGEST_HEADER = 100_000_000;
/** Not a tensor, but free text by name. */
const METADATA = "__metadata__";

interface Entry {
  readonly name: string;
  readonly type: Exclude<ElementType, "string">;
  readonly shape: readonly number[];
  /** First byte, and the one after the last, counted from the end of the header. */
  readonly begin: number;
  readonly end: number;
}

/**
 * Reads a safetensors file. Half-precision numbers stay as they are stored (`widened` turns them into float32).
 *
 * @param source What to call the file in messages.
 * @returns The tensors by name, in the order of the header; copies, so that the bytes may go.
 * @throws LimbeckError when the bytes are no such file or are damaged.
 */
export function readSafetensors(bytes: Uint8Array, source = "the safetensors file"): ReadonlyMap<string, Tensor> {
  const { header, start } = readHeader(bytes, source);
  const entries = Object.entries(header).flatMap(([name, value]) => (name === METADATA ? [] : [entryOf(name, value, source)]));
  checkLayout(entries, bytes.length - start, source);
  return new Map(entries.map((entry) => [entry.name, tensorAt(entry, bytes, start)]));
}

function readHeader(bytes: Uint8Array, source: string): { header: Record<string, unknown>; start: number } {
  if (bytes.length < PREFIX) throw damaged(source, `it has ${bytes.length} bytes`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, PREFIX).getBigUint64(0, true));
  const start = PREFIX + length;
  if (length > LONGEST_HEADER || start > bytes.length) {
    throw damaged(source, `its header would have ${length} bytes, the file has ${bytes.length}`);
  }
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(PREFIX, start)));
  } catch {
    throw damaged(source, "its header is not JSON");
  }
  if (!isRecord(header)) throw damaged(source, "its header is no JSON object");
  return { header, start };
}

function entryOf(name: string, value: unknown, source: string): Entry {
  const bad = (what: string) => damaged(source, `the ${what} of "${name}" cannot be read`);
  const { dtype, shape, data_offsets: offsets } = isRecord(value) ? value : {};
  if (typeof dtype !== "string" || !Object.hasOwn(types, dtype)) {
    throw new LimbeckError(`The tensor "${name}" is of type ${JSON.stringify(dtype)}, which Limbeck doesn't read.`, {
      where: source,
      hint: `Store it as one of ${Object.keys(types).join(", ")}.`,
    });
  }
  if (!isSizes(shape)) throw bad("shape");
  if (!isSizes(offsets) || offsets.length !== 2) throw bad("place");
  const type = types[dtype] as Entry["type"];
  const [begin, end] = offsets as [number, number];
  const needed = dataLength(type, shape) * arrayTypeOf(type).BYTES_PER_ELEMENT;
  if (end - begin !== needed) {
    throw damaged(source, `"${name}", ${dtype}${formatShape(shape)}, needs ${needed} bytes, not ${end - begin}`);
  }
  return { name, type, shape, begin, end };
}

/** Tensors follow one another from the first byte after the header to the file's last. */
function checkLayout(entries: readonly Entry[], available: number, source: string): void {
  let at = 0;
  for (const { name, begin, end } of entries.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== at) throw damaged(source, `"${name}" begins at byte ${begin}, where ${at} is the next`);
    at = end;
  }
  if (at !== available) throw damaged(source, `its tensors take ${at} bytes, and it holds ${available}`);
}

function tensorAt({ type, shape, begin, end }: Entry, bytes: Uint8Array, start: number): Tensor {
  const { buffer } = new Uint8Array(bytes.subarray(start + begin, start + end));
  return { type, shape, data: new (arrayTypeOf(type))(buffer) as TensorData };
}

/**
 * Writes tensors as a safetensors file.
 *
 * @throws LimbeckError when a tensor is of a type that the format lacks.
 */
export function writeSafetensors(tensors: ReadonlyMap<string, Tensor>): Uint8Array {
  const header: [string, unknown][] = [];
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const [name, { type, shape, data }] of tensors) {
    const dtype = codes.get(type);
    if (dtype === undefined) throw new LimbeckError(`A safetensors file can't hold "${name}", which is of type ${type}.`);
    const { buffer, byteOffset, byteLength } = data as Exclude<TensorData, readonly string[]>;
    header.push([name, { dtype, shape, data_offsets: [at, at + byteLength] }]);
    parts.push(new Uint8Array(buffer, byteOffset, byteLength));
    at += byteLength;
  }
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  // Spaces after the header make the tensors begin at a multiple of 8.
  const start = PREFIX + Math.ceil(text.length / 8) * 8;
  const file = new Uint8Array(start + at).fill(0x20, PREFIX, start);
  new DataView(file.buffer).setBigUint64(0, BigInt(start - PREFIX), true);
  file.set(text, PREFIX);
  for (const part of parts) {
    file.set(part, file.length - at);
    at -= part.length;
  }
  return file;
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);

function damaged(source: string, why: string): LimbeckError {
  return new LimbeckError(`Not a safetensors file, or a damaged one: ${why}.`, { where: source, hint: "Download or save it again." });
}
